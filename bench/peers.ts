/**
 * Measures the same work done by what else there is on npm for Dubbo's layout on ZooKeeper, side by side.
 *
 *     npm run bench:peers -- [--json] [--only NAME]… [--quick] [--write] [--from FILE]
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientName } from './clients/index.js';
import { PEERS, PEERS_FOLDER } from './clients/peers.js';
import type { Row } from './harness/figure.js';
import { readOptions } from './harness/options.js';
import { compare, type Sample } from './harness/paired.js';
import { sharedClockMs } from './harness/measured.js';
import { readReport, type Report, reportOn } from './harness/report.js';
import { sampleUrl, sampleUrls } from './harness/sampleUrls.js';
import { spaced } from './harness/spaced.js';
import { Stage } from './harness/stage.js';
import { toLine } from './harness/table.js';
import type { Worker } from './harness/worker.js';
import { writePeers } from './write.js';

const COUNT = 1_000;
const OURS = 'rx-registry on zookeeper';
const EVERYBODY: readonly ClientName[] = ['node-zookeeper-client', OURS, ...PEERS];

/** Work that is done side by side. */
interface Task {
  readonly name: string;
  readonly what: string;
  readonly at: string;
  readonly who: readonly ClientName[];
  readonly metrics: Readonly<Record<string, readonly [metric: string, unit: string]>>;
  readonly run: (stage: Stage, worker: Worker, service: string) => Promise<Sample>;
}

const TASKS: readonly Task[] = [
  {
    name: 'register',
    what: '1,000 providers announced at once, until the last is acknowledged',
    at: '1,000',
    // The other one announces nothing but consumers.
    who: EVERYBODY.filter((name) => name !== 'apache-dubbo-js'),
    metrics: { ms: ['until acknowledged', 'ms'], cpuMs: ['CPU', 'ms'] },
    run: async (_stage, worker, service) => {
      const { ms, cpuMs } = await worker.call('register', service, COUNT);
      return { ms, cpuMs };
    },
  },
  {
    name: 'first list',
    what: 'from nothing to the first list of 1,000, connecting included',
    at: '1,000',
    who: EVERYBODY,
    metrics: { ms: ['until complete', 'ms'], cpuMs: ['CPU', 'ms'] },
    run: async (stage, worker, service) => {
      await stage.provider.fill(service, COUNT);
      const { ms, cpuMs } = await worker.call('connectAndList', stage.server.address, 30_000, service, COUNT);
      return { ms, cpuMs };
    },
  },
  {
    name: '50 adds',
    what: '50 providers join 1,000, one after another as fast as the server takes them, until the consumer has all',
    at: '50 join 1,000',
    who: EVERYBODY,
    metrics: { ms: ['until complete', 'ms'], cpuMs: ['consumer CPU', 'ms'], lists: ['lists told', ''] },
    run: async (stage, worker, service) => {
      await stage.provider.fill(service, COUNT);
      await worker.call('follow', service);
      await worker.call('mark');
      const beganMs = sharedClockMs();
      for (const url of sampleUrls(service, 50, COUNT)) await stage.provider.add(service, url);
      const deadlineMs = beganMs + 30_000;
      for (;;) {
        const { lists, cpuMs } = await worker.call('seen');
        const complete = lists.find(({ size }) => size === COUNT + 50);
        if (complete) return { ms: complete.atMs - beganMs, cpuMs, lists: lists.length };
        if (sharedClockMs() > deadlineMs) throw new Error(`${worker.name} never had all 50.`);
        await sleep(50);
      }
    },
  },
  {
    name: 'change',
    what: 'one provider joins or leaves among 1,000, until the consumer has the list',
    at: 'among 1,000',
    who: EVERYBODY,
    metrics: { ms: ['latency', 'ms'], cpuMs: ['consumer CPU', 'ms'] },
    run: async (stage, worker, service) => {
      await stage.provider.fill(service, COUNT);
      await worker.call('follow', service);
      const url = sampleUrl(service, COUNT + 1);
      const { ms, cpuMs } = await spaced(stage, worker, {
        make: (number) => (number % 2 === 0 ? stage.provider.add(service, url) : stage.provider.remove(service, url)),
        count: 30,
        size: COUNT,
      });
      return { ms, cpuMs };
    },
  },
];

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    args,
    TASKS.map(({ name }) => name),
  );
  const say = (line: string): void => (options.json ? console.error(line) : console.log(line));
  if (options.from !== undefined) {
    const report = readReport(readFileSync(options.from, 'utf8')) as Report & { readonly missing: readonly string[] };
    if (options.write) say(`Written: ${(await writePeers(report, report.missing)).join(', ')}`);
    return;
  }
  const missing = install(say);
  const rows: Row[] = [];
  for (const task of TASKS) {
    if (options.only.length > 0 && !options.only.includes(task.name)) continue;
    say(`\n${task.name}: ${task.what}`);
    await using stage = await Stage.open({
      backend: 'zookeeper',
      quick: options.quick,
      progress: (line) => console.error(`  ${line}`),
    });
    const who = task.who.filter((name) => !missing.includes(name));
    const measured = await sideBySide(stage, task, who);
    for (const row of measured) say(toLine(row));
    rows.push(...measured);
  }
  for (const name of missing) say(`\n${name} could not be installed or loaded on this machine, and is not measured.`);
  const report = reportOn(rows, options.quick);
  if (options.write) say(`\nWritten: ${(await writePeers(report, missing)).join(', ')}`);
  if (options.json) console.log(JSON.stringify({ ...report, missing }, undefined, 2));
}

/** Each in a process of its own, one after another, again and again. */
async function sideBySide(stage: Stage, task: Task, who: readonly ClientName[]): Promise<Row[]> {
  const samples = new Map<ClientName, Sample[]>(who.map((name) => [name, []]));
  const failed = new Set<ClientName>();
  const repetitions = stage.times(5, 2);
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    for (const name of who) {
      if (failed.has(name)) continue;
      const worker = await stage.worker(name);
      try {
        const service = `com.acme.Peers${repetition}.${name.replaceAll(/\W/g, '')}`;
        samples.get(name)!.push(await task.run(stage, worker, service));
      } catch (error) {
        failed.add(name);
        stage.progress(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
      await worker.end();
    }
    stage.progress(`${task.name}: ${repetition} of ${repetitions}`);
  }
  const ours = samples.get(OURS)!;
  return who.flatMap((name) => {
    if (name === OURS || failed.has(name) || failed.has(OURS)) return [];
    const comparisons = compare(ours.map((our, index) => [our, samples.get(name)![index]!]));
    return Object.entries(task.metrics).map(([key, [metric, unit]]): Row => {
      const { ours: mine, bare, ratio } = comparisons[key]!;
      return {
        figure: task.name,
        backend: 'zookeeper',
        at: task.at,
        metric,
        unit,
        ours: mine,
        bare,
        ratio,
        against: name,
      };
    });
  });
}

/** Installs them where that has not been done; returns those that cannot be had. */
function install(say: (line: string) => void): readonly string[] {
  if (!existsSync(`${PEERS_FOLDER}node_modules`)) {
    say('Installing the peers into bench/peers, for the bench alone: npm ci --prefix bench/peers');
    try {
      execFileSync('npm', ['ci', '--prefix', PEERS_FOLDER, '--no-audit', '--no-fund'], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    } catch (error) {
      say(`That failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return PEERS.filter((name) => {
    try {
      execFileSync(process.execPath, ['-e', `require('${name}'); process.exit()`], {
        cwd: PEERS_FOLDER,
        stdio: 'ignore',
      });
      return false;
    } catch {
      return true;
    }
  });
}

await main(process.argv.slice(2));

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ETCD } from '../support/servers/etcdProgram.js';
import { fetchServer } from '../support/servers/fetchServer.js';
import { fetchJava } from '../support/servers/javaRuntime.js';
import type { ServerKind } from '../support/servers/serverReleases.js';
import { fetchNetty } from '../support/servers/nettyLibrary.js';
import { ZOOKEEPER } from '../support/servers/zookeeperDistribution.js';
import { CORE_SUITES, isContract, suitesOf } from './suites.js';

// A whole program: runs the contract and the core suites on one version of the servers after the other, and records how it went.
//   npm run test:oldest                            the oldest of Debian's packages
//   npm run test:versions                          all that are supported
//   npm run test:versions -- etcd=3.6              some
//   npm run test:versions -- etcd=3.6 --all        every server spec
// What follows a second `--` is for vitest.

const SUPPORTED = [
  ...['oldest', '3.5.0', 'trixie', 'newest', '3.5', '3.6'].map((choice) => `etcd=${choice}`),
  ...['3.5', '3.6', '3.7', 'oldest', '3.8', 'trixie', 'newest'].map((choice) => `zookeeper=${choice}`),
];
const KINDS: Readonly<Record<string, ServerKind>> = { etcd: ETCD, zookeeper: ZOOKEEPER };
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const separator = process.argv.indexOf('--');
const ownArgs = process.argv.slice(2, separator < 0 ? undefined : separator);
const vitestArgs = separator < 0 ? [] : process.argv.slice(separator + 1);
const { values, positionals } = parseArgs({
  args: ownArgs,
  options: { all: { type: 'boolean', default: false } },
  allowPositionals: true,
});

/** Servers that run side by side, each `kind=choice`, separated by commas. */
const rounds = positionals.length > 0 ? positionals : SUPPORTED;
let failures = 0;
for (const round of rounds) {
  console.log(`\n=== ${round}`);
  if (!(await run(round.split(',')))) failures++;
}
console.log(
  `\n${rounds.length - failures} of ${rounds.length} held. Written to docs/versions.json and docs/tested-versions.md.`,
);
process.exitCode = failures > 0 ? 1 : 0;

async function run(servers: readonly string[]): Promise<boolean> {
  const env = { ...process.env };
  const files: string[] = [];
  for (const server of servers) {
    const [name = '', choice] = server.split('=');
    const kind = KINDS[name];
    if (!kind || !choice) throw new Error(`"${server}" is no server: write etcd=3.6 or zookeeper=oldest, for example.`);
    try {
      if (kind === ZOOKEEPER) await Promise.all([fetchJava(console.log), fetchNetty(console.log)]);
      console.log(`${kind.name} ${await fetchServer(kind, choice, { report: console.log })}`);
    } catch (error) {
      console.error(error);
      return false;
    }
    delete env[kind.ownVariable];
    env[kind.choiceVariable] = choice;
    files.push(
      ...suitesOf(kind.name)
        .filter(isWanted)
        .flatMap((suite) => [`${suite}-spec.ts`, `${suite}-slow-spec.ts`])
        .map((file) => `spec/integration/${name}/${file}`),
    );
  }
  const stages = ['--stage=servers', ...(values.all ? ['--stage=slow'] : [])];
  const program = spawn('npx', ['tsx', 'spec/suite/run.ts', ...stages, ...vitestArgs, ...files], {
    cwd: ROOT,
    env,
    stdio: 'inherit',
  });
  const [code] = (await once(program, 'exit')) as [number | null];
  return code === 0;
}

function isWanted(suite: string): boolean {
  return values.all || isContract(suite) || CORE_SUITES.some((core) => core === suite);
}

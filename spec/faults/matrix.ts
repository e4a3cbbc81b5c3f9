import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { type Kind, KINDS } from '../support/cluster/faultCluster.js';
import { onProcessEnd } from '../support/servers/onProcessEnd.js';
import { recordOutcomes } from '../versions/record.js';
import type { Cell } from './cell.js';
import { CUT, FAULTS } from './faults/index.js';
import { count, line, page } from './report.js';
import { run, SESSION_TIMEOUT_MS } from './run.js';

// A whole program: all faults on both kinds of servers, each kind in a process of its own, as most of it is waiting.

const PAGE = fileURLToPath(new URL('../../docs/faults.md', import.meta.url));
const MOST_SEEN = 12;

const { values } = parseArgs({
  options: {
    backend: { type: 'string' },
    only: { type: 'string' },
    cut: { type: 'boolean', default: false },
    /** Plays a fault that did not hold a second time. */
    again: { type: 'boolean', default: false },
    /** Tells another process, which prints it. */
    child: { type: 'boolean', default: false },
  },
});
const { backend, only, cut, again, child } = values;
const kinds = KINDS.filter((kind) => backend === undefined || kind === backend);
const faults = (cut ? CUT : FAULTS).filter(({ name }) => name.includes(only ?? ''));
if (kinds.length === 0) throw new Error(`--backend is one of ${KINDS.join(', ')}, not ${backend}.`);
if (faults.length === 0) {
  throw new Error(`No fault is called ${only}. There are:\n${FAULTS.map(({ name }) => name).join('\n')}`);
}

if (child) {
  for await (const cells of run(kinds[0]!, faults, again)) console.log(JSON.stringify(cells));
} else {
  const cells = (await Promise.all(kinds.map(runApart))).flat();
  const { held, failed } = count(cells);
  // A part of it is no report.
  if (kinds.length === KINDS.length && !cut && only === undefined) {
    const options = await resolveConfig(PAGE);
    await writeFile(PAGE, await format(page(cells, SESSION_TIMEOUT_MS), { ...options, parser: 'markdown' }));
    for (const kind of KINDS) {
      const { held, failed } = count(cells.filter((cell) => cell.kind === kind));
      await recordOutcomes(kind === 'etcd' ? 'etcd' : 'ZooKeeper', { faults: { passed: held, failed } });
    }
    console.log(`\nWritten to docs/faults.md, and to docs/versions.json and docs/tested-versions.md.`);
  }
  console.log(`\n${held} cells held, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

async function runApart(kind: Kind): Promise<Cell[]> {
  const options = [
    '--child',
    '--backend',
    kind,
    ...(only === undefined ? [] : ['--only', only]),
    ...(cut ? ['--cut'] : []),
    ...(again ? ['--again'] : []),
  ];
  const program = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const forget = onProcessEnd(() => program.kill());
  const all: Cell[] = [];
  for await (const text of createInterface({ input: program.stdout })) {
    const cells = JSON.parse(text) as Cell[];
    all.push(...cells);
    show(cells);
  }
  forget();
  const ended = program.exitCode ?? (await new Promise<number | null>((resolve) => program.once('exit', resolve)));
  if (ended === 0) return all;
  const verdict = { held: false, seen: [`the process ended with ${ended}`] };
  return [...all, { kind, fault: 'all', invariant: 'the suite itself', verdict }];
}

function show(cells: readonly Cell[]): void {
  const [first] = cells;
  if (first) console.log(`\n${first.kind}: ${first.fault}`);
  for (const cell of cells) {
    console.log(`  ${line(cell)}`);
    const seen = [...cell.verdict.seen, ...(cell.before ?? []).map((each) => `the first time: ${each}`)];
    for (const each of seen.slice(0, MOST_SEEN)) console.log(`         ${each}`);
    if (seen.length > MOST_SEEN) console.log(`         … and ${seen.length - MOST_SEEN} more`);
  }
}

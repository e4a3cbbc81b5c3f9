import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBrowser, HOW_TO_GET_ONE } from '../browser/findBrowser.js';

// A whole program: runs vitest's projects in stages, and reports them as one run.
//   npm test                            unit, then servers, then browser where there is one
//   npm run test:browser                one stage, which needs a Chromium; npm test has it where there is one
//   npm run test:servers                one stage: --stage=servers
//   npm test -- spec/grpc -t 'idle'     arguments for vitest go to each run
//   npm test -- --reporter=json         reporters report on all runs together, after the last

/** The runs of a stage are processes side by side, each with one or more projects. */
const STAGES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  unit: [['unit', 'realtime']],
  servers: [['servers-zookeeper'], ['servers-etcd']],
  browser: [['browser']],
  slow: [['slow']],
};

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VITEST = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');

const stages: string[] = [];
const reportArgs: string[] = [];
const runArgs: string[] = [];
for (const arg of process.argv.slice(2)) {
  if (arg.startsWith('--stage=')) stages.push(arg.slice('--stage='.length));
  else if (/^--(reporter|outputFile)\b/.test(arg)) reportArgs.push(arg);
  else runArgs.push(arg);
}
for (const stage of stages) {
  if (!STAGES[stage]) throw new Error(`"${stage}" is no stage: there are ${Object.keys(STAGES).join(', ')}.`);
}

const browser = stages.length === 0 || stages.includes('browser') ? await findBrowser() : undefined;
if (browser !== undefined) process.env['RX_REGISTRY_BROWSER'] = browser;
else if (stages.includes('browser')) {
  console.error(HOW_TO_GET_ONE);
  process.exit(1);
} else if (stages.length === 0) console.log(`The specs in a browser are left out. ${HOW_TO_GET_ONE}`);
const byDefault = ['unit', 'servers', ...(browser === undefined ? [] : ['browser'])];

const reports = await mkdtemp(join(tmpdir(), 'suite-'));
try {
  const codes: number[] = [];
  for (const stage of stages.length > 0 ? stages : byDefault) {
    codes.push(...(await Promise.all(STAGES[stage]!.map(runProjects))));
  }
  const reporters = ['--reporter=./spec/suite/summary.ts', '--reporter=./spec/versions/reporter.ts', ...reportArgs];
  codes.push(await vitest('--merge-reports', reports, ...reporters));
  process.exitCode = Math.max(...codes);
} finally {
  await rm(reports, { recursive: true, force: true });
}

function runProjects(projects: readonly string[]): Promise<number> {
  return vitest(
    'run',
    ...projects.map((name) => `--project=${name}`),
    '--passWithNoTests',
    '--reporter=./spec/suite/progress.ts',
    '--reporter=blob',
    `--outputFile.blob=${join(reports, `${projects.join('-')}.json`)}`,
    ...runArgs,
  );
}

async function vitest(...args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [VITEST, ...args], { cwd: ROOT, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Figure, type Row, rowsOf } from '../harness/figure.js';
import { paired, type Sample } from '../harness/paired.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What loading the package takes. */
export const load: Figure = {
  name: 'load',
  what: 'importing the package with one backend in a new process, against importing rxjs and the client library',
  backends: [],
  async measure(stage) {
    const repetitions = stage.times(21, 7);
    const rows: Row[] = [];
    for (const [entry, library] of [
      ['rx-registry/zookeeper', 'node-zookeeper-client'],
      ['rx-registry/etcd', 'etcd3'],
    ] as const) {
      const comparisons = await paired(
        () => importing([entry]),
        () => importing(['rxjs', library]),
        { repetitions, warmUps: 2 },
      );
      stage.progress(entry);
      rows.push(
        ...rowsOf(
          { figure: 'load', at: entry, against: `rxjs and ${library}` },
          { ms: ['importing', 'ms'], cpuMs: ['CPU', 'ms'] },
          comparisons,
        ),
      );
    }
    return rows;
  },
};

async function importing(modules: readonly string[]): Promise<Sample> {
  const code = `
    const began = performance.now();
    const cpu = process.cpuUsage();
    ${modules.map((name) => `await import('${name}');`).join('\n')}
    const { user, system } = process.cpuUsage(cpu);
    console.log(JSON.stringify({ ms: performance.now() - began, cpuMs: (user + system) / 1_000 }));
    process.exit();
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: ROOT });
  return JSON.parse(stdout) as Sample;
}

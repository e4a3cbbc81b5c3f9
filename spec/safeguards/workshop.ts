import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Edit, Safeguard } from './safeguard.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What runs need of the tree. */
const PARTS = ['lib', 'spec', 'examples', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

/** Longer than any one spec takes, also where what is missing makes it wait in vain. */
const LONGEST_RUN_MS = 180_000;

/** How each spec that was asked for came out, by its name. */
export type Outcomes = ReadonlyMap<string, 'passed' | 'failed'>;

/** A copy of the tree to take things out of. */
export class Workshop implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<Workshop> {
    const folder = await mkdtemp(join(tmpdir(), 'safeguards-'));
    await Promise.all(PARTS.map((part) => cp(join(ROOT, part), join(folder, part), { recursive: true })));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    return new Workshop(folder);
  }

  /** Does something while a safeguard is not there. */
  async without<T>({ file, edits, name }: Safeguard, work: () => Promise<T>): Promise<T> {
    const path = join(this.#folder, file);
    const whole = await readFile(path, 'utf8');
    await writeFile(path, edited(whole, edits, `${name} in ${file}`));
    try {
      return await work();
    } finally {
      await writeFile(path, whole);
    }
  }

  /** Runs those specs of one project that have these names. */
  async run(project: string, files: readonly string[], titles: readonly string[]): Promise<Outcomes> {
    const report = join(this.#folder, 'report.json');
    await rm(report, { force: true });
    await mkdir(this.#folder, { recursive: true });
    const pattern = titles.map((title) => title.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
    const projects = project === 'servers' ? 'servers-*' : project;
    const args = ['run', '--project', projects, ...files, '-t', pattern, '--reporter=json', `--outputFile=${report}`];
    const program = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
    const child = spawn(process.execPath, [program, ...args], {
      cwd: this.#folder,
      stdio: 'ignore',
      timeout: LONGEST_RUN_MS,
    });
    await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
    const text = await readFile(report, 'utf8').catch(() => {
      throw new Error('the run left no report');
    });
    const { testResults } = JSON.parse(text) as {
      testResults: { assertionResults: { title: string; status: string }[] }[];
    };
    const outcomes = new Map<string, 'passed' | 'failed'>();
    for (const { title, status } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
      if (!titles.includes(title) || (status !== 'passed' && status !== 'failed')) continue;
      // Of several with one name, each must pass.
      if (outcomes.get(title) !== 'failed') outcomes.set(title, status);
    }
    return outcomes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A text with everything replaced; throws if anything to replace is not there, or more than once. */
export function edited(whole: string, edits: readonly Edit[], where: string): string {
  return edits.reduce((text, { text: found, instead }) => {
    const times = text.split(found).length - 1;
    if (times !== 1) throw new Error(`${where} stands there ${times} times, not once: ${JSON.stringify(found)}`);
    return text.replace(found, () => instead);
  }, whole);
}

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, PAGES } from './pages.js';

const run = promisify(execFile);

/** Its blocks are tests, which `spec/testing/guide-spec.ts` runs. */
const HELD_ELSEWHERE = ['docs/guides/testing.md'];
/** A first block that begins so stands before every other one of its page. */
const PREAMBLE = '// What the examples on this page have in common.';

/** The programs of a page: each block as a reader would copy it. */
function programsOf(page: string): string[] {
  const [first = '', ...rest] = blocksOf(page, 'ts');
  if (!first.startsWith(PREAMBLE)) return [first, ...rest].filter((code) => code !== '');
  return rest.map((code) => `${first}\n${code}`);
}

const pages = PAGES.filter((page) => !HELD_ELSEWHERE.includes(page)).map((page, index) => ({
  page,
  programs: programsOf(page).map((code, place) => ({ code, file: `page${index}-${place}.ts` })),
}));

/** What a reader does with a program that follows something for ever. */
const END = 'setTimeout(() => process.exit(), 100);\nexport {};\n';

let folder: string;
beforeAll(() => {
  // Within the project, so that the package is known by its name; ignored by everything else.
  mkdirSync('coverage', { recursive: true });
  folder = mkdtempSync(resolve('coverage/blocks-'));
  const tsconfig = {
    extends: '../../tsconfig.json',
    compilerOptions: { noUnusedLocals: false, rootDir: '../..', paths: pathsFrom('../..') },
    include: ['*.ts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  for (const { programs } of pages) {
    for (const { code, file } of programs) writeFileSync(join(folder, file), `${code}\nexport {};\n`);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The program without a server: what is asked of one is asked of a registry in memory. */
const withoutServer = (code: string): string =>
  code.replace(/'(?:zookeeper|etcd):\/\/(?:127|zk|etcd)[^']*'/g, "'memory://blocks'");

describe('the blocks of code in README and guides', () => {
  it('are compiled', async () => {
    const compiled = await run('node_modules/.bin/tsc', ['-p', folder]).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout,
    );
    expect(compiled).toBe('');
  }, 300_000);

  it.each(pages.filter(({ programs }) => programs.length > 0))(
    'run: $page',
    async ({ programs }) => {
      for (const { code, file } of programs) {
        const runnable = join(folder, file);
        writeFileSync(runnable, `${withoutServer(code)}\n${END}`);
        await expect(
          run(process.execPath, ['--import', 'tsx', runnable], {
            timeout: 120_000,
            // Decorators are as this says.
            env: { ...process.env, TSX_TSCONFIG_PATH: join(folder, 'tsconfig.json') },
          }),
          code,
        ).resolves.toBeDefined();
      }
    },
    600_000,
  );

  it('show what README says', async () => {
    const [program] = blocksOf('README.md', 'ts');
    const [shown] = blocksOf('README.md', 'text');
    const file = join(folder, 'first.ts');
    writeFileSync(file, `${program}\nexport {};\n`);
    const { stdout } = await run(process.execPath, ['--import', 'tsx', file], { timeout: 120_000 });
    expect(stdout).toBe(shown);
  }, 150_000);
});

function pathsFrom(root: string): Record<string, string[]> {
  const part = (name: string, path: string): [string, string[]] => [`rx-registry${name}`, [`${root}/lib/${path}`]];
  return Object.fromEntries([
    part('', 'index.ts'),
    part('/backend', 'backend.ts'),
    part('/backend/testing', 'contract/index.ts'),
    ...['operators', 'config', 'testing', 'grpc', 'dashboard', 'nestjs', 'http'].map((name) =>
      part(`/${name}`, `${name}/index.ts`),
    ),
    ...['zookeeper', 'etcd', 'memory'].map((name) => part(`/${name}`, `backends/${name}/index.ts`)),
  ]);
}

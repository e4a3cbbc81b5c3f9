import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../lib/index.js';
import { PAGES } from './pages.js';

const run = promisify(execFile);
const read = (page: string): string => readFileSync(page, 'utf8');

/** What GitHub and npm make of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));

const linksOf = (page: string): string[] =>
  [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!).filter((target) => !/^\w+:/.test(target));

describe('the pages', () => {
  let packed: Set<string>;
  beforeAll(async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']);
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    packed = new Set(files.map(({ path }) => path));
  }, 240_000);

  it.each(PAGES)('%s: every link leads somewhere, in the package too', (page) => {
    expect(packed).toContain(page);
    for (const link of linksOf(page)) {
      const [path, anchor] = link.split('#');
      const target = path === '' ? page : normalize(join(dirname(page), path!));
      expect(existsSync(target), link).toBe(true);
      expect(packed, link).toContain(target);
      if (anchor !== undefined) expect(anchorsOf(target), link).toContain(anchor);
    }
  });

  it('README can be read in a few minutes', () => {
    expect(read('README.md').split(/\s+/).length).toBeLessThan(1_200);
  });

  it('troubleshooting has every code of an error and of a warning', () => {
    const warnings = ['lib/registry.ts', 'lib/config/configCenter.ts', 'lib/port/backend.ts'].flatMap((file) => {
      const [, union] = /readonly code:([^;]*);/.exec(read(file))!;
      return [...union!.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code!);
    });
    expect(warnings.length).toBeGreaterThan(5);
    const explained = [...read('docs/guides/troubleshooting.md').matchAll(/^### ([A-Z_]+)$/gm)].map(
      ([, code]) => code!,
    );
    expect(new Set(explained)).toEqual(new Set([...Object.keys(ERROR_CODES), ...warnings]));
    expect(explained).toHaveLength(new Set(explained).size);
  });
});

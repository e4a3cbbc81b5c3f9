import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const read = (path: string): Promise<string> => readFile(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');

/** What every backend promises is in `lib`, for backends of others. */
const NAMED = /`(?:spec|lib\/contract)\//;

describe('the page on where others fail', () => {
  it('names in every row specs that there are', async () => {
    const rows = (await read('docs/peers.md')).split('\n').filter((line) => line.startsWith('| ') && NAMED.test(line));
    expect(rows.length).toBeGreaterThan(40);
    for (const row of rows) {
      const specs = [...row.matchAll(/`((?:spec|lib\/contract)\/[^`]+)`: “([^”]+)”/g)];
      expect(specs.length, row).toBe(row.split(NAMED).length - 1);
      for (const [, file, title] of specs) expect(await read(file!), `${file}: ${title}`).toContain(title);
    }
  });

  it('names no row without a spec', async () => {
    const lines = (await read('docs/peers.md')).split('\n').filter((line) => line.startsWith('| '));
    const rows = lines.filter((line) => !/^\| (thread|-)/.test(line));
    expect(rows.filter((row) => !NAMED.test(row))).toEqual([]);
  });
});

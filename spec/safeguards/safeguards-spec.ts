import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { render } from './render.js';
import { SAFEGUARDS } from './safeguards.js';
import { edited, ROOT } from './workshop.js';

// That each is missed by its spec is for `npm run test:safeguards` to say.
describe('the table of safeguards', () => {
  it.each(SAFEGUARDS)(
    '$name: is there, and so is its spec',
    async ({ file, edits, name, spec, title, textIn = spec }) => {
      const code = await readFile(join(ROOT, file), 'utf8');
      expect(edited(code, edits, name)).not.toBe(code);
      const text = await readFile(join(ROOT, textIn), 'utf8');
      // The names of a table's rows are not written out.
      // The one that fails, as it is reported: not what a title is made of.
      expect(title).not.toMatch(/%[a-z]/);
      if (!text.includes(`'${title}'`)) expect(text).toContain('it.each(');
      await readFile(join(ROOT, spec), 'utf8');
    },
  );

  it('is what the page says', async () => {
    const page = join(ROOT, 'docs', 'safeguards.md');
    expect(await readFile(page, 'utf8')).toBe(await render(SAFEGUARDS, page));
  });
});

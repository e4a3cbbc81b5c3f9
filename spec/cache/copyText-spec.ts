import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyText, readCopy, SLICE_CHARACTERS } from '../../lib/cache/copyText.js';
import { fakeInstances } from '../../lib/testing/index.js';

const HEADER = { registry: 'zookeeper://zk:2181 /dubbo', name: 'who is there', keptAt: 1_764_336_000_000 };

/** Does work that pauses, and counts the pauses. */
function done<T>(work: Generator<void, T>): { readonly value: T; readonly pauses: number } {
  for (let pauses = 0; ; pauses++) {
    const step = work.next();
    if (step.done) return { value: step.value, pauses };
  }
}
const write = (items: readonly string[]): string => done(copyText(HEADER, items, (item) => item)).value;
const read = (text: string): readonly string[] => done(readCopy(text, HEADER, (item) => item)).value.items;

describe('the text of a copy', () => {
  it('is read as it was written, whatever it is of', () => {
    const item = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(fc.array(item), (items) => {
        expect(read(write(items))).toEqual(items);
      }),
    );
  });

  it('is never read where anything of it is missing, or another character', () => {
    const items = fc.array(fc.string({ maxLength: 20 }), { maxLength: 5 });
    fc.assert(
      fc.property(items, fc.nat(), fc.nat(0xffff), (kept, at, code) => {
        const text = write(kept);
        const index = at % text.length;
        expect(() => read(text.slice(0, index))).toThrow();
        expect(() => read(text.slice(index + 1))).toThrow();
        const changed = text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1);
        if (changed !== text) expect(() => read(changed)).toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['nothing', '', /empty/],
    ['zeros', '\0'.repeat(1_000), /not written by this package/],
    ['empty lines', '\n'.repeat(1_000_000), /not written by this package/],
    ['something else', '{"a": 1}\n', /not written by this package/],
    ['one line that does not end', 'x'.repeat(1_000_000), /not written by this package/],
    ['a later version', write(['a']).replace('cache 1', 'cache 2'), /version 2/],
    ['another registry', write(['a']).replace('zk:2181', 'zk2:2181'), /another registry/],
    ['another query', write(['a']).replace('who is there', 'who else'), /another query/],
    ['a header that is no object', 'rx-registry-cache 1\nnull\n', /does not say what/],
    ['a header that is no JSON', 'rx-registry-cache 1\n{\n', /damaged/],
    ['no time', write([]).replace(/"keptAt":\d+/, '"keptAt":null'), /how old/],
    ['a count beyond what is there', write(['a']).replace('"items":1', '"items":1000000000'), /whole/],
    ['one after the other', write(['a']) + write(['a']), /checksum/],
  ])('refuses %s, and says why', (_, text, why) => {
    expect(() => read(text)).toThrow(why);
  });

  it('pauses often enough: no slice of 10,000 instances is more than a small part of them', () => {
    const items = fakeInstances(10_000);
    let inSlice = 0;
    let most = 0;
    const count = (): void => {
      most = Math.max(most, ++inSlice);
    };
    const paused = <T>(work: Generator<void, T>): T => {
      for (;;) {
        inSlice = 0;
        const step = work.next();
        if (step.done) return step.value;
      }
    };
    const text = paused(
      copyText(HEADER, items, (url) => {
        count();
        return url.toFullString();
      }),
    );
    paused(
      readCopy(text, HEADER, (line) => {
        count();
        return line;
      }),
    );
    const average = text.length / items.length;
    // A slice ends with the first line beyond it; all lines are about as long.
    expect(most).toBeLessThanOrEqual((2 * SLICE_CHARACTERS) / average);
    expect(most).toBeLessThan(items.length / 5);
  });
});

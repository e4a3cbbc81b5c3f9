import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoted } from '../../lib/internal/quoted.js';

describe('quoted', () => {
  it('quotes, escapes and cuts', () => {
    expect(quoted('plain')).toBe('"plain"');
    expect(quoted('a"b\n\u2028\u0085\u007f')).toBe('"a\\"b\\n\\u2028\\u0085\\u007f"');
    expect(quoted('abcdef', 3)).toBe('"abc…"');
    expect(quoted('abc', 3)).toBe('"abc"');
    expect(quoted('a\u202eb\u{e0001}')).toBe('"a\\u202eb\\udb40\\udc01"');
  });

  it('is one line of bounded length, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        const line = quoted(text);
        expect(line.length).toBeLessThanOrEqual(6 * 200 + 3);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
      }),
    );
  });
});

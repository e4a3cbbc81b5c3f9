import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diff } from '../../lib/cli/diff.js';

const shown = (before: string | undefined, after: string | undefined): string[] =>
  diff(before, after).map(({ sign, text }) => `${sign}${text}`);

describe('diff', () => {
  it('shows what changes with two unchanged lines around it', () => {
    expect(shown('a\nb\nc\nd\ne\n', 'a\nb\nc\nD\ne\n')).toEqual([' b', ' c', '-d', '+D', ' e']);
    expect(shown('a\nb', 'a\nx\nb')).toEqual([' a', '+x', ' b']);
    expect(shown(undefined, 'a\nb\n')).toEqual(['+a', '+b']);
    expect(shown('a', undefined)).toEqual(['-a']);
    expect(shown('a', 'a')).toEqual([]);
  });

  it('has every line of both texts that is not in both, in order', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const lines = diff(before.join('\n'), after.join('\n'));
        const rest = (sign: '-' | '+', all: string[]): number =>
          all.length - lines.filter((line) => line.sign === sign).length;
        // What is left of both are the lines that they share.
        expect(rest('-', before)).toBe(rest('+', after));
        const isSubsequence = (part: string[], whole: string[]): boolean => {
          let at = 0;
          for (const each of whole) if (each === part[at]) at += 1;
          return at === part.length;
        };
        const of = (sign: string): string[] => lines.filter((line) => line.sign === sign).map(({ text }) => text);
        expect(isSubsequence(of('-'), before) && isSubsequence(of('+'), after)).toBe(true);
      }),
    );
  });

  it('gives up on aligning what would take seconds, and shows it as replaced', () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `line ${index}`);
    expect(shown(many.join('\n'), [...many].reverse().join('\n'))).toHaveLength(10_000);
  });
});

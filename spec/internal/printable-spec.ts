import { describe, expect, it } from 'vitest';
import { printable } from '../../lib/internal/printable.js';

describe('printable', () => {
  it('leaves prose as it is', () => {
    expect(printable('14 UNAVAILABLE: "no" <leader>, größer 日本 😀')).toBe(
      '14 UNAVAILABLE: "no" <leader>, größer 日本 😀',
    );
  });

  it('shows what cannot be seen, and what would begin a line', () => {
    expect(printable('a\r\nb\u001b[31m\u009b\u2028\u202e\ud800')).toBe(
      'a\\u000d\\u000ab\\u001b[31m\\u009b\\u2028\\u202e\\ud800',
    );
  });

  it('cuts what is longer than a line should be', () => {
    expect(printable('x'.repeat(1_000))).toBe(`${'x'.repeat(500)}…`);
  });
});

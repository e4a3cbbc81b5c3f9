import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { md5 } from '../../lib/internal/md5.js';

const nodes = (text: string): string => createHash('md5').update(text, 'utf8').digest('hex');

describe('md5', () => {
  it('is what RFC 1321 says of its examples', () => {
    expect(md5('')).toBe('d41d8cd98f00b204e9800998ecf8427e');
    expect(md5('abc')).toBe('900150983cd24fb0d6963f7d28e17f72');
    expect(md5('message digest')).toBe('f96b697d7cb7938d525a2f31aaf161d0');
  });

  it('is what Node.js says at every length around a block', () => {
    for (let length = 0; length <= 200; length += 1) expect(md5('x'.repeat(length))).toBe(nodes('x'.repeat(length)));
  });

  it('is what Node.js says of any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => md5(text) === nodes(text)));
  });
});

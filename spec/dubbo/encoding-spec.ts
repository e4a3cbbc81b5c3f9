import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeComponent, encodeComponent } from '../../lib/dubbo/encoding.js';
import { UnreadableNodeError } from '../../lib/errors.js';
import { cpuMs } from '../support/cpuMs.js';

describe('encodeComponent', () => {
  // What java.net.URLEncoder makes of it; recorded from a JDK 17.
  it.each([
    [' ', '+'],
    ['+', '%2B'],
    ['*', '*'],
    ['~', '%7E'],
    ["!'()", '%21%27%28%29'],
    ['-._', '-._'],
    ['$', '%24'],
    ['"#&,/:;<=>?@[\\]^`{|}%', '%22%23%26%2C%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E%60%7B%7C%7D%25'],
    ['\0\t\n\u001F\u007F', '%00%09%0A%1F%7F'],
    ['\u0080é€\u{1F600}', '%C2%80%C3%A9%E2%82%AC%F0%9F%98%80'],
    ['', ''],
  ])('writes %j as Java does', (text, encoded) => {
    expect(encodeComponent(text)).toBe(encoded);
  });

  it('never writes a query mark for half a surrogate pair, as Java would', () => {
    expect(encodeComponent('a\uD800b')).toBe('a%EF%BF%BDb');
  });

  it('leaves ASCII that can stand in any path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(encodeComponent(text)).toMatch(/^(?:[A-Za-z0-9._*+-]|%[0-9A-F]{2})*$/);
      }),
    );
  });
});

describe('decodeComponent', () => {
  it('reads back every text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeComponent(encodeComponent(text))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads what encodeURIComponent wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeComponent(encodeURIComponent(text))).toBe(text);
      }),
    );
  });

  it.each([
    ['%2a%2A*', '***'],
    ["!'()*~", "!'()*~"],
    ['a&b=c+d%2B', 'a&b=c d+'],
    ['%EF%BB%BFa', '\uFEFFa'],
    ['%C3%28&=+%41', '\uFFFD(&= A'],
    ['%F0%9F', '\uFFFD'],
    ['%ff', '\uFFFD'],
  ])('reads %s', (text, decoded) => {
    expect(decodeComponent(text)).toBe(decoded);
  });

  it.each(['%', '100%', '%4', '%zz', '%4g', '%%41', '%+1', '%u0041', '% 41'])(
    'refuses the bad escape in %s',
    (text) => {
      expect(() => decodeComponent(text)).toThrow(UnreadableNodeError);
    },
  );

  it('keeps the reason short however long the text is', () => {
    expect(() => decodeComponent(`${'a'.repeat(100_000)}%zz`)).toThrow(
      'Expected two hex digits after the "%" at character 100000, got "%zz".',
    );
  });

  it.each(['%25', '%ff', '+', '%C3', 'a'])('takes linear time for a megabyte of %s', (unit) => {
    const started = cpuMs();
    decodeComponent(unit.repeat(1_000_000 / unit.length));
    expect(cpuMs() - started).toBeLessThan(2_000);
  });
});

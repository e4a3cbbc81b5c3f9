import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BASE_64, PLAIN } from '../../lib/config/configContent.js';

const UNREADABLE: unknown = expect.objectContaining({ code: 'UNREADABLE_VALUE' });
const INVALID: unknown = expect.objectContaining({ code: 'INVALID_OPTION', option: 'content' });

describe.each([
  ['text', PLAIN],
  ['base64', BASE_64],
])('content as %s', (_, content) => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !/\p{Cs}/u.test(text)),
        (text) => {
          expect(content.decode(content.encode(text))).toBe(text);
        },
      ),
    );
  });

  it.each(['', '\ufeffwith a mark', 'a\r\nb', '\0'])('keeps %j as it is', (text) => {
    expect(content.decode(content.encode(text))).toBe(text);
  });

  it.each([
    ['half a pair', '\ud800'],
    ['no text', 5 as never],
    ['nothing', undefined as never],
  ])('refuses %s', (what, bad) => {
    expect(() => content.encode(bad), what).toThrow(INVALID);
  });
});

it.each([[[0xff]], [[0xc0, 0x80]], [[0xe2, 0x82]], [[0xed, 0xa0, 0x80]]])('%j is not UTF-8', (data) => {
  expect(() => PLAIN.decode(new Uint8Array(data))).toThrow(UNREADABLE);
});

it.each(['?', 'abc', 'YQ', 'YQ=', 'YQ=a', 'YQ==YQ==', 'YQ_-', 'ä', '/w=='])('%j is not UTF-8 in base64', (text) => {
  expect(() => BASE_64.decode(Buffer.from(text))).toThrow(UNREADABLE);
});

it('base64 may be broken into lines', () => {
  expect(BASE_64.decode(Buffer.from('d2Vp\r\nZ2h0\n'))).toBe('weight');
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../lib/errors.js';
import { readConnectionScript } from '../../lib/testing/connectionScript.js';

const read = (diagram: string) =>
  readConnectionScript('states', diagram)
    .map(({ letter, atMs }) => `${letter}${atMs}`)
    .join(' ');

describe('readConnectionScript', () => {
  it.each([
    ['', ''],
    ['c', 'c0'],
    ['k-c', 'c2'],
    ['-kkc', 'k1 k2 c3'],
    ['c--s--c--l-c', 'c0 s3 c6 l9 c11'],
    ['c-(sl)-k-c', 'c0 s2 l2 k7 c9'],
    ['c 30s s 30s (lkc)', 'c0 s30001 l60002 k60002 c60002'],
    ['c-x', 'c0 x2'],
    ['x', 'x0'],
    ['c-s-x', 'c0 s2 x4'],
    ['c-l-x', 'c0 l2 x4'],
    ['--#', '#2'],
    ['c-l-k-#', 'c0 l2 k4 #6'],
  ])('reads %j', (diagram, expected) => {
    expect(read(diagram)).toBe(expected);
  });

  it.each([
    ['s', /`s` at character 1 cannot follow k \(connecting\), after which may come k, c, x, #,/],
    ['-l', /`l` at character 2 cannot follow k \(connecting\)/],
    ['c--c', /`c` at character 4 cannot follow c \(connected\), after which may come s, l, x,/],
    ['c-k', /`k` at character 3 cannot follow c \(connected\)/],
    ['c-#', /`#` at character 3 cannot follow c \(connected\)/],
    ['c-s-s', /`s` at character 5 cannot follow s \(suspended\), after which may come c, l, x,/],
    ['c-s-k', /`k` at character 5 cannot follow s \(suspended\)/],
    ['c-l-s', /`s` at character 5 cannot follow l \(lost\), after which may come k, x, c,/],
    ['c-x-c', /`c` at character 5 cannot follow x \(closed\), which is final/],
    ['#-k', /`k` at character 3 comes after #, which is final/],
    [
      'c-q',
      /`q` at character 3 is none of k \(connecting\), c \(connected\), s \(suspended\), l \(lost\), x \(closed\)/,
    ],
    ['-(cs)', /`s` at character 4 comes at the same moment as the c before it/],
    ['c-|', /`\|` at character 3/],
  ])('refuses %j at once, and says where and what could stand there', (diagram, message) => {
    expect(() => read(diagram)).toThrow(InvalidOptionError);
    expect(() => read(diagram)).toThrow(message);
  });

  it('reads or refuses anything, and does nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'kcslx#-() ') }), (diagram) => {
        try {
          read(diagram);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidOptionError);
        }
      }),
    );
  });
});

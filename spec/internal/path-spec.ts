import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../lib/errors.js';
import { checkPath, childOf, nameOf, parentOf } from '../../lib/internal/path.js';

describe('checkPath', () => {
  it.each(['/', '/a', '/a/b', '/a.b/..c/c..', '/ä/日本', '/a b', '/%2F'])('takes %j', (path) => {
    expect(() => checkPath(path)).not.toThrow();
  });

  it.each([
    '',
    'a',
    'a/b',
    '//',
    '/a/',
    '/a//b',
    '/.',
    '/..',
    '/a/./b',
    '/a/../b',
    '/a/..',
    '/a\0',
    '/a\n',
    '/\u007f',
    '/\u0085',
    '/\ud800',
    '/\ue000',
    '/\u{1F600}',
  ])('refuses %j', (path) => {
    expect(() => checkPath(path)).toThrow(RegistryError);
    expect(() => checkPath(path)).toThrow(expect.objectContaining({ code: 'INVALID_PATH' }));
  });

  it('refuses what is no text', () => {
    expect(() => checkPath(undefined as never)).toThrow(RegistryError);
  });
});

describe('parentOf, nameOf and childOf', () => {
  it.each([
    ['/a', '/', 'a'],
    ['/a/b', '/a', 'b'],
    ['/a/b/c', '/a/b', 'c'],
  ])('%s is %s and %s', (path, parent, name) => {
    expect([parentOf(path), nameOf(path)]).toEqual([parent, name]);
    expect(childOf(parent, name)).toBe(path);
  });

  it('are each other’s inverse', () => {
    const segment = fc.string({ minLength: 1 }).map((text) => text.replaceAll('/', '_'));
    fc.assert(
      fc.property(fc.array(segment), segment, (segments, name) => {
        const directory = `/${segments.join('/')}`;
        const path = childOf(directory, name);
        expect([parentOf(path), nameOf(path)]).toEqual([directory, name]);
      }),
    );
  });
});

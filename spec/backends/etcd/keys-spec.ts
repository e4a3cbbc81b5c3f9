import { describe, expect, it } from 'vitest';
import { below, keyOf, nameIn, successorOf } from '../../../lib/backends/etcd/keys.js';

describe('the keys of a directory', () => {
  const range = below('/dubbo/x.Y/providers');
  const holds = (path: string): boolean => {
    const key = keyOf(path);
    return range.from.compare(key) <= 0 && key.compare(range.to) < 0;
  };

  it('are those below it, and no neighbour’s', () => {
    expect(holds('/dubbo/x.Y/providers/a')).toBe(true);
    expect(holds('/dubbo/x.Y/providers/日本')).toBe(true);
    expect(holds('/dubbo/x.Y/providers')).toBe(false);
    expect(holds('/dubbo/x.Y/providersX/a')).toBe(false);
    expect(holds('/dubbo/x.Y/providers0')).toBe(false);
    expect(below('/').from.toString()).toBe('/');
  });

  it('name children, which are one segment, and those without a key of their own only where they are asked for', () => {
    const implied = below('/dubbo/x.Y/providers', true);
    expect(nameIn(range, keyOf('/dubbo/x.Y/providers/a%2Fb'))).toBe('a%2Fb');
    expect(nameIn(range, keyOf('/dubbo/x.Y/providers/a/b'))).toBeUndefined();
    expect(nameIn(implied, keyOf('/dubbo/x.Y/providers/a/b'))).toBe('a');
    expect(nameIn(implied, keyOf('/dubbo/x.Y/providers//b'))).toBeUndefined();
    expect(nameIn(range, keyOf('/dubbo/x.Y/providers/'))).toBeUndefined();
    expect(nameIn(below('/'), keyOf('/dubbo'))).toBe('dubbo');
  });

  it('that are no text have names of their own, which no text is', () => {
    const [one, other] = [0xff, 0xfe].map((byte) => nameIn(range, Buffer.concat([range.from, Buffer.of(0x61, byte)]))!);
    expect(one).not.toBe(other);
    expect([one, other].every((name) => /\p{Cs}/u.test(name!))).toBe(true);
    expect(nameIn(range, Buffer.concat([range.from, Buffer.from('\ufffd')]))).toBe('\ufffd');
  });

  it('go on after the last one of a page without leaving one out', () => {
    const key = keyOf('/a');
    expect(key.compare(successorOf(key))).toBe(-1);
    expect(successorOf(key).compare(keyOf('/a!'))).toBe(-1);
  });
});

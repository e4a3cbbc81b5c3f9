import { isUtf8 } from 'node:buffer';

/** The keys from `from` up to but not including `to`. */
export interface KeyRange {
  readonly from: Buffer;
  readonly to: Buffer;
  /** Whether a key further below stands for the child that it lies below. */
  readonly implied: boolean;
}

/** The key of a path. */
export function keyOf(path: string): Buffer {
  return Buffer.from(path);
}

/** Everything below a directory: the slash belongs to it, or `/a/providersX` would be in `/a/providers`. */
export function below(directory: string, implied = false): KeyRange {
  const prefix = directory.endsWith('/') ? directory : `${directory}/`;
  const from = Buffer.from(prefix);
  const to = Buffer.from(prefix);
  to[to.length - 1]! += 1;
  return { from, to, implied };
}

/** The name of the child of a directory that a key is, or stands for; `undefined` if there is none. */
export function nameIn({ from, implied }: KeyRange, key: Buffer): string | undefined {
  const rest = key.subarray(from.length);
  const end = rest.indexOf(SLASH);
  if (end >= 0 && !implied) return undefined;
  const name = end < 0 ? rest : rest.subarray(0, end);
  if (name.length === 0) return undefined;
  return isUtf8(name) ? name.toString() : NOT_UTF8 + name.toString('latin1');
}

const SLASH = '/'.charCodeAt(0);
/** Stands in no text, so what begins so is no other key's name: two that are read as one would go as one. */
const NOT_UTF8 = '\udcff';

/** The smallest key after one. */
export function successorOf(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)]);
}

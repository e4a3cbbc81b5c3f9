import type { ICompare, IRequestOp } from 'etcd3';
import { below, keyOf } from './keys.js';

// What transactions are made of: conditions first, operations after them.

/** There is no such key. */
export function absent(path: string): ICompare {
  return { key: keyOf(path), target: 'Create', result: 'Equal', create_revision: '0' };
}

/** There is such a key. */
export function present(path: string): ICompare {
  return { key: keyOf(path), target: 'Create', result: 'Greater', create_revision: '0' };
}

/** The key was last written by that revision. */
export function unchanged(path: string, revision: bigint): ICompare {
  return { key: keyOf(path), target: 'Mod', result: 'Equal', mod_revision: String(revision) };
}

/** The key was written that often since it was made. */
export function written(path: string, times: bigint): ICompare {
  return { key: keyOf(path), target: 'Version', result: 'Equal', version: String(times) };
}

/** The key goes with that lease; `0` for none. */
export function leased(path: string, lease: string): ICompare {
  return { key: keyOf(path), target: 'Lease', result: 'Equal', lease };
}

/** There is no key below. */
export function childless(path: string): ICompare {
  const { from, to } = below(path);
  return { key: from, range_end: to, target: 'Create', result: 'Equal', create_revision: '0' };
}

export function put(path: string, data: Uint8Array, lease = '0'): IRequestOp {
  return { request_put: { key: keyOf(path), value: Buffer.from(data), lease } };
}

/** Replaces the content and leaves the owner who it is. */
export function overwrite(path: string, data: Uint8Array): IRequestOp {
  return { request_put: { key: keyOf(path), value: Buffer.from(data), ignore_lease: true } };
}

/** Writes a key as it is, so that only its count of writes rises. */
export function touch(path: string): IRequestOp {
  return { request_put: { key: keyOf(path), ignore_value: true, ignore_lease: true } };
}

export function remove(path: string): IRequestOp {
  return { request_delete_range: { key: keyOf(path) } };
}

export function get(path: string, keysOnly = false): IRequestOp {
  return { request_range: { key: keyOf(path), keys_only: keysOnly } };
}

/** Finds out whether there is any key below. */
export function anyChild(path: string): IRequestOp {
  const { from, to } = below(path);
  return { request_range: { key: from, range_end: to, limit: '1', keys_only: true } };
}

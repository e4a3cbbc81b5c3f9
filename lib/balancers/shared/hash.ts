/**
 * A hash of a text, 32 bits, for spreading and not for secrets; two seeds give two hashes that have nothing to do with each
 * other.
 *
 * Everything that hashes here depends on nothing but the text, so that all clients agree.
 */
export function hashText(text: string, seed: number): number {
  let hash = seed | 0;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x9e3779b1);
    hash = (hash << 13) | (hash >>> 19);
  }
  return mixed(hash ^ text.length);
}

/** The `index`-th of a series of numbers that two hashes stand for, each anywhere from 0 to 2^32 - 1. */
export function hashAt(one: number, other: number, index: number): number {
  return mixed(one ^ mixed(other + Math.imul(index + 1, 0x9e3779b9)));
}

/** Spreads 32 bits so that each depends on all (the finalizer of MurmurHash3 by Austin Appleby, in the public domain). */
function mixed(bits: number): number {
  let mix = bits;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return (mix ^ (mix >>> 16)) >>> 0;
}

/** The seeds of the two hashes that an instance or a request is known by. */
export const SEED_ONE = 0x3c6ef372;
export const SEED_OTHER = 0x510e527f;
/** And of those that a request's key is known by, which must not be an instance's. */
export const SEED_REQUEST = 0x1f83d9ab;
export const SEED_REQUEST_OTHER = 0x5be0cd19;

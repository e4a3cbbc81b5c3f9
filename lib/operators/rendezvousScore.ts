const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * How much a client is drawn to each key: a number from 0 up to but not including 1, the same one everywhere and always.
 *
 * Two lanes of FNV-1a over the UTF-16 code units, finished as MurmurHash3 does (sources: Fowler, Noll and Vo, 1991; Appleby,
 * 2011): FNV alone leaves keys that differ in their end too close together.
 */
export function rendezvousScore(client: string): (key: string) => number {
  const high = fold(FNV_OFFSET, `${client}\u0000`);
  const low = fold(~FNV_OFFSET, `${client}\u0000`);
  // 53 bits, as many as a number holds.
  return (key) => (finish(fold(high, key)) * 2 ** 21 + (finish(fold(low, key)) >>> 11)) / 2 ** 53;
}

function fold(start: number, text: string): number {
  let hash = start;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash;
}

function finish(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

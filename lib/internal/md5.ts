/** How far each step of a round rotates. */
const ROTATIONS: readonly (readonly number[])[] = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
];

/** The constant of each step: the first 32 bits of the fraction of `|sin(step)|`. */
const CONSTANTS = Array.from({ length: 64 }, (_, step) => Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32));

const BLOCK_BYTES = 64;

/**
 * The MD5 digest (RFC 1321) of a text in UTF-8, as lower-case hexadecimal digits.
 *
 * Made here because `node:crypto` is not in a browser, where the test kit runs, and Web Crypto has no MD5. Not for secrets.
 *
 * @example
 * ```ts
 * md5('abc'); // '900150983cd24fb0d6963f7d28e17f72'
 * ```
 */
export function md5(text: string): string {
  const view = padded(new TextEncoder().encode(text));
  const state = new Uint32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
  for (let offset = 0; offset < view.byteLength; offset += BLOCK_BYTES) addBlock(state, view, offset);
  const digest = new DataView(new ArrayBuffer(16));
  state.forEach((word, index) => digest.setUint32(4 * index, word, true));
  return Array.from(new Uint8Array(digest.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The message, one bit, zeros, and the length of the message in bits: whole blocks. */
function padded(message: Uint8Array): DataView {
  const blocks = Math.ceil((message.length + 9) / BLOCK_BYTES);
  const bytes = new Uint8Array(blocks * BLOCK_BYTES);
  bytes.set(message);
  bytes[message.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setBigUint64(bytes.length - 8, BigInt(message.length) * 8n, true);
  return view;
}

function addBlock(state: Uint32Array, view: DataView, offset: number): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (let step = 0; step < 64; step += 1) {
    const round = step >> 4;
    const sum = a + mixed(round, b, c, d) + CONSTANTS[step]! + view.getUint32(offset + 4 * wordOf(round, step), true);
    const rotation = ROTATIONS[round]![step & 3]!;
    const rotated = (sum << rotation) | ((sum >>> 0) >>> (32 - rotation));
    [a, b, c, d] = [d, (b + rotated) >>> 0, b, c];
  }
  [a, b, c, d].forEach((word, index) => (state[index]! += word));
}

function mixed(round: number, b: number, c: number, d: number): number {
  if (round === 0) return ((b & c) | (~b & d)) >>> 0;
  if (round === 1) return ((b & d) | (c & ~d)) >>> 0;
  return (round === 2 ? b ^ c ^ d : c ^ (b | ~d)) >>> 0;
}

function wordOf(round: number, step: number): number {
  if (round === 0) return step;
  if (round === 1) return (5 * step + 1) % 16;
  return (round === 2 ? 3 * step + 5 : 7 * step) % 16;
}

/** The largest packet that is read if nothing else is said: 250,000 names of 250 bytes in one directory. */
export const DEFAULT_MAX_PACKET_BYTES = 64 * 1024 * 1024;

/** The length in front of a packet. */
const LENGTH_BYTES = 4;
/** How much of a packet says what it answers: the length, the xid, the transaction and the error code. */
const HEADER_BYTES = 20;

/** Told of a packet that is too long, with its first 20 bytes; the rest of it is dropped. */
export type TooLong = (header: Buffer, bytes: number) => void;

/**
 * Cuts a stream of bytes into ZooKeeper's packets: four bytes of length, then as many bytes.
 *
 * Chunks of an unfinished packet are kept apart and joined once, so that a large answer costs one copy, not one for each
 * chunk. A packet that is longer than it may be is not kept at all. It begins anew with each connection: bytes of a packet that
 * was cut off must not be taken for the next one's.
 */
export class PacketFramer {
  readonly #maxBytes: number;
  readonly #tooLong: TooLong | undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  /** How much of a packet that is too long has not come yet. */
  #toDrop = 0;

  /** Without a listener for packets that are too long, their length is impossible. */
  constructor(maxBytes = DEFAULT_MAX_PACKET_BYTES, tooLong?: TooLong) {
    this.#maxBytes = maxBytes;
    this.#tooLong = tooLong;
  }

  /**
   * Takes the next chunk in and returns the packets that it completes, each with its length in front.
   *
   * @throws Error if a length is impossible, or what the listener for packets that are too long throws.
   */
  push(chunk: Buffer): Buffer[] {
    const rest = this.#drop(chunk);
    if (rest.length > 0) {
      this.#chunks.push(rest);
      this.#length += rest.length;
    }
    const packets: Buffer[] = [];
    while (this.#length >= LENGTH_BYTES) {
      const packet = this.#take();
      if (packet === undefined) break;
      if (packet.length > 0) packets.push(packet);
    }
    return packets;
  }

  /** The next packet, empty for one that is dropped; `undefined` if more has to come. */
  #take(): Buffer | undefined {
    const length = this.#first(LENGTH_BYTES).readInt32BE(0);
    const isTooLong = length > this.#maxBytes;
    if (length < 0 || (isTooLong && !this.#tooLong)) throw new Error(`Impossible packet length ${length}`);
    const bytes = LENGTH_BYTES + length;
    if (!isTooLong) return this.#length < bytes ? undefined : this.#cut(bytes);
    if (this.#length < HEADER_BYTES) return undefined;
    this.#tooLong?.(this.#first(HEADER_BYTES).subarray(0, HEADER_BYTES), length);
    const dropped = Math.min(bytes, this.#length);
    this.#toDrop = bytes - dropped;
    return this.#cut(dropped).subarray(0, 0);
  }

  /** The first chunk, with at least so many bytes in it. */
  #first(bytes: number): Buffer {
    if (this.#chunks[0]!.length < bytes) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0]!;
  }

  /** Takes so many bytes off the front. */
  #cut(bytes: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#length);
    this.#chunks = all.length > bytes ? [all.subarray(bytes)] : [];
    this.#length -= bytes;
    return all.subarray(0, bytes);
  }

  #drop(chunk: Buffer): Buffer {
    const dropped = Math.min(this.#toDrop, chunk.length);
    this.#toDrop -= dropped;
    return dropped === 0 ? chunk : chunk.subarray(dropped);
  }
}

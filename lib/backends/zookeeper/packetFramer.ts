/** Longer than any answer a server sends: a length beyond it is not a length, and waiting for it would be for ever. */
const LONGEST_PACKET = 512 * 1024 * 1024;

/**
 * Cuts a stream of bytes into ZooKeeper's packets: four bytes of length, then as many bytes.
 *
 * Chunks of an unfinished packet are kept apart and joined once, so that a large answer costs one copy, not one for each
 * chunk. It begins anew with each connection: bytes of a packet that was cut off must not be taken for the next one's.
 */
export class PacketFramer {
  #chunks: Buffer[] = [];
  #length = 0;

  /**
   * Takes the next chunk in and returns the packets that it completes, each with its length in front.
   *
   * @throws Error if a length is impossible.
   */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed()) return [];
    let rest = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#length);
    const packets: Buffer[] = [];
    while (rest.length >= 4 && rest.length >= packetLength(rest)) {
      packets.push(rest.subarray(0, packetLength(rest)));
      rest = rest.subarray(packetLength(rest));
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    return packets;
  }

  /** How many bytes the first packet has, or four as long as that cannot be read. */
  #needed(): number {
    const first = this.#chunks[0]!;
    if (first.length >= 4) return packetLength(first);
    if (this.#length < 4) return 4;
    this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return packetLength(this.#chunks[0]!);
  }
}

function packetLength(buffer: Buffer): number {
  const length = buffer.readInt32BE(0);
  if (length < 0 || length > LONGEST_PACKET) throw new Error(`Impossible packet length ${length}`);
  return length + 4;
}

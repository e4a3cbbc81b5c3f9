/** Writes one frame of ZooKeeper's wire format, called jute. */
export class JuteWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return this.#add(bytes);
  }

  long(value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    return this.#add(bytes);
  }

  bool(value: boolean): this {
    return this.#add(Buffer.from([value ? 1 : 0]));
  }

  buffer(value: Buffer): this {
    return this.int(value.length).#add(value);
  }

  /** A text, or bytes in the place of one. */
  string(value: string | Buffer): this {
    return this.buffer(Buffer.from(value));
  }

  /** What has been written, after its length. */
  frame(): Buffer {
    const body = Buffer.concat(this.#parts);
    return Buffer.concat([new JuteWriter().int(body.length).#parts[0]!, body]);
  }

  #add(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }
}

/** Reads the body of one frame. */
export class JuteReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(body: Buffer) {
    this.#bytes = body;
  }

  int(): number {
    return this.#take(4).readInt32BE();
  }

  long(): bigint {
    return this.#take(8).readBigInt64BE();
  }

  bool(): boolean {
    return this.#take(1)[0] !== 0;
  }

  /** How many bytes have not been read. */
  get left(): number {
    return this.#bytes.length - this.#position;
  }

  /** A null buffer, of length -1, is read as an empty one. */
  buffer(): Buffer {
    return this.#take(Math.max(0, this.int()));
  }

  string(): string {
    return this.buffer().toString();
  }

  strings(): string[] {
    return Array.from({ length: Math.max(0, this.int()) }, () => this.string());
  }

  #take(length: number): Buffer {
    const end = this.#position + length;
    if (end > this.#bytes.length) throw new Error('The frame ends too early');
    const bytes = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return bytes;
  }
}

/** Cuts a byte stream into the bodies of its frames. */
export class JuteFrames {
  #rest: Buffer = Buffer.alloc(0);

  /** Takes the next bytes and returns the bodies that are now complete. */
  push(chunk: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const bodies: Buffer[] = [];
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readInt32BE();
      if (this.#rest.length < end) break;
      bodies.push(this.#rest.subarray(4, end));
      this.#rest = this.#rest.subarray(end);
    }
    return bodies;
  }
}

/** A body with its length in front. */
export function frame(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

import nodeZooKeeper from 'node-zookeeper-client';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PacketFramer } from '../../../lib/backends/zookeeper/packetFramer.js';

/** What a socket hands over at a time. */
const CHUNK = 65_536;
/** Answers to pings, which the client reads and drops. */
const XID_PING = -2;

function packet(bytes: number): Buffer {
  const whole = Buffer.alloc(bytes);
  whole.writeInt32BE(bytes - 4, 0);
  whole.writeInt32BE(XID_PING, 4);
  return whole;
}

function chunksOf(stream: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(stream.length / CHUNK) }, (_, index) =>
    stream.subarray(index * CHUNK, (index + 1) * CHUNK),
  );
}

describe('PacketFramer', () => {
  it('cuts a stream into its packets, however that is cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        (bodies, cuts) => {
          const packets = bodies.map((body) => {
            const length = Buffer.alloc(4);
            length.writeInt32BE(body.length);
            return Buffer.concat([length, body]);
          });
          const stream = Buffer.concat(packets);
          const framer = new PacketFramer();
          const seen: Buffer[] = [];
          for (let at = 0, cut = 0; at < stream.length; cut += 1) {
            const end = at + cuts[cut % cuts.length]!;
            seen.push(...framer.push(stream.subarray(at, end)));
            at = end;
          }
          expect(seen).toEqual(packets);
        },
      ),
    );
  });

  it('drops packets that are too long as they come, is told of them by their headers, and reads all others', () => {
    const MAX = 60;
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 16, maxLength: 200, size: 'max' }), { maxLength: 12, size: 'max' }),
        fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1 }),
        (bodies, cuts) => {
          const packets = bodies.map((body) => {
            const length = Buffer.alloc(4);
            length.writeInt32BE(body.length);
            return Buffer.concat([length, body]);
          });
          const stream = Buffer.concat(packets);
          const dropped: [Buffer, number][] = [];
          const framer = new PacketFramer(MAX, (header, bytes) => dropped.push([Buffer.from(header), bytes]));
          const seen: Buffer[] = [];
          for (let at = 0, cut = 0; at < stream.length; cut += 1) {
            const end = at + cuts[cut % cuts.length]!;
            seen.push(...framer.push(stream.subarray(at, end)));
            at = end;
          }
          expect(seen).toEqual(packets.filter(({ length }) => length - 4 <= MAX));
          const tooLong = packets.filter(({ length }) => length - 4 > MAX);
          expect(dropped).toEqual(tooLong.map((long) => [long.subarray(0, 20), long.length - 4]));
        },
      ),
    );
  });

  it('keeps nothing of a packet that is too long, whatever length it announces', () => {
    let told = 0;
    const framer = new PacketFramer(1_000, () => (told += 1));
    const start = Buffer.alloc(CHUNK);
    start.writeInt32BE(2_147_483_647);
    framer.push(start);
    const join = vi.spyOn(Buffer, 'concat');
    const before = process.memoryUsage().arrayBuffers;
    for (let chunk = 0; chunk < 2_000; chunk += 1) expect(framer.push(Buffer.alloc(CHUNK))).toEqual([]);
    // 131 MB were pushed; what the collector has not got to yet is a part of it.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
    expect([told, join.mock.calls.length]).toEqual([1, 0]);
    join.mockRestore();
  });

  it.each([-1, -2_147_483_648])(
    'refuses a length of %i, also where packets that are too long are dropped',
    (length) => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(length);
      expect(() => new PacketFramer(1_000, () => undefined).push(bytes)).toThrow(/Impossible/);
    },
  );

  it.each([-1, -2_147_483_648, 1_073_741_824])('refuses a length of %i', (length) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    expect(() => new PacketFramer().push(bytes)).toThrow(/Impossible/);
  });
});

describe('how many bytes are copied to read answers', () => {
  afterEach(() => vi.restoreAllMocks());

  /** Counts what is joined while chunks are read. */
  function copied(read: (chunk: Buffer) => void, chunks: readonly Buffer[]): number {
    const join = vi.spyOn(Buffer, 'concat');
    for (const chunk of chunks) read(chunk);
    const bytes = join.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
    join.mockRestore();
    return bytes;
  }

  /** The client's own reader, as it stands in session. */
  function reader(): (chunk: Buffer) => void {
    const { connectionManager } = nodeZooKeeper.createClient('localhost:2181') as unknown as {
      connectionManager: { onSocketData(chunk: Buffer): void };
    };
    return (chunk) => connectionManager.onSocketData(chunk);
  }

  function framed(): (chunk: Buffer) => void {
    const framer = new PacketFramer();
    const read = reader();
    return (chunk) => framer.push(chunk).forEach(read);
  }

  it.each([
    // The client copies all that is left of a chunk for each packet in it, and all that has come of a packet for each chunk.
    { what: '10,000 small ones', packets: Array.from({ length: 10_000 }, () => packet(20)), atMost: 1.01, bare: 1_000 },
    { what: 'a large one', packets: [packet(3_000_000)], atMost: 1.01, bare: 20 },
  ])('$what: at most $atMost times what there is, where the client alone copies $bare times', (answers) => {
    const stream = Buffer.concat(answers.packets);
    const chunks = chunksOf(stream);
    expect(copied(framed(), chunks) / stream.length).toBeLessThan(answers.atMost);
    expect(copied(reader(), chunks) / stream.length).toBeGreaterThan(answers.bare);
  });
});

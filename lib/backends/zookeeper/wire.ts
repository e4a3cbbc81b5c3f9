import type { Stat } from 'node-zookeeper-client';

/** Operation codes (source: `ZooDefs.OpCode` of ZooKeeper 3.8). */
export const OPCODE = {
  DELETE: 2,
  EXISTS: 3,
  SYNC: 9,
  MULTI: 14,
  REMOVE_WATCHES: 18,
  SET_WATCHES: 101,
  GET_EPHEMERALS: 103,
  ADD_WATCH: 106,
  CLOSE_SESSION: -11,
} as const;

/** Kinds of watches that can be removed (source: `Watcher.WatcherType`). */
export const WATCHER_TYPE = { CHILDREN: 1, DATA: 2, ANY: 3 } as const;

/** Told of a node and everything below it until removed (source: `AddWatchMode`). */
export const PERSISTENT_RECURSIVE = 1;

/** What a watch event tells (source: `Watcher.Event.EventType`). */
export const EVENT_TYPE = { CREATED: 1, DELETED: 2, DATA_CHANGED: 3, CHILDREN_CHANGED: 4 } as const;

/** Offsets in the packet of an answer, after four bytes of length. */
export const OFFSET = { XID: 4, ZXID: 8, ERROR: 16, HEADER: 20 } as const;

/** What a node is, as the server tells. */
export interface NodeStat {
  /** The owner's session id; `undefined` for a persistent node. */
  readonly owner: string | undefined;
  /** The transaction that wrote the node last. */
  readonly zxid: bigint;
  /** The transaction that made the node. */
  readonly madeBy: bigint;
  /** Counts the writes since the node was made; what the server can check. */
  readonly dataVersion: number;
  /** Counts the children that came and went since the node was made. */
  readonly childChanges: number;
}

/** The packet of a request: length, xid, operation code, body. */
export function encodeRequest(xid: number, opcode: number, body: Buffer): Buffer {
  const packet = Buffer.alloc(12 + body.length);
  packet.writeInt32BE(8 + body.length, 0);
  packet.writeInt32BE(xid, 4);
  packet.writeInt32BE(opcode, 8);
  body.copy(packet, 12);
  return packet;
}

/** What `AddWatch` and `RemoveWatches` carry. */
export function encodePathAndNumber(path: string, number: number): Buffer {
  const encoded = Buffer.from(path);
  const body = Buffer.alloc(encoded.length + 8);
  body.writeInt32BE(encoded.length, 0);
  encoded.copy(body, 4);
  body.writeInt32BE(number, encoded.length + 4);
  return body;
}

/** A string as the server reads it: its length, then its bytes. */
export function encodeString(text: string): Buffer {
  const encoded = Buffer.from(text);
  const body = Buffer.alloc(encoded.length + 4);
  body.writeInt32BE(encoded.length, 0);
  encoded.copy(body, 4);
  return body;
}

/** A list of strings as the server writes it: their number, then each with its length. */
export function decodeStrings(body: Buffer): string[] {
  const strings: string[] = [];
  let offset = 4;
  for (let left = body.readInt32BE(0); left > 0; left -= 1) {
    const length = body.readInt32BE(offset);
    strings.push(body.toString('utf8', offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return strings;
}

/** What `SetWatches` carries: the last transaction that was seen, and the paths of data, exist and child watches. */
export function encodeWatches(
  zxid: bigint,
  { nodes = [], children = [] }: { readonly nodes?: readonly string[]; readonly children?: readonly string[] },
): Buffer {
  const bytes = [...nodes, ...children].reduce((sum, path) => sum + 4 + Buffer.byteLength(path), 0);
  const body = Buffer.alloc(20 + bytes);
  let end = body.writeBigInt64BE(zxid, 0);
  for (const paths of [nodes, [], children]) {
    end = body.writeInt32BE(paths.length, end);
    for (const path of paths) {
      const length = body.write(path, end + 4);
      body.writeInt32BE(length, end);
      end += 4 + length;
    }
  }
  return body;
}

/** Reads what the library leaves as bytes. */
export function decodeStat(stat: Stat): NodeStat {
  const { ephemeralOwner, czxid, mzxid, version, cversion } = stat as unknown as {
    ephemeralOwner: Buffer;
    czxid: Buffer;
    mzxid: Buffer;
    version: number;
    cversion: number;
  };
  const owner = ephemeralOwner.readBigUInt64BE();
  return {
    owner: owner === 0n ? undefined : sessionName(ephemeralOwner),
    zxid: mzxid.readBigInt64BE(),
    madeBy: czxid.readBigInt64BE(),
    dataVersion: version,
    childChanges: cversion,
  };
}

/** A session id as ZooKeeper's own tools print it. */
export function sessionName(id: Buffer): string {
  return `0x${id.toString('hex').replace(/^0+(?=.)/, '')}`;
}

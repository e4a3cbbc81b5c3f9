/** A part of a transaction. */
export type Operation =
  | {
      readonly type: 'create';
      readonly path: string;
      readonly data?: Uint8Array | undefined;
      /** The kind of node, as a number. */
      readonly mode: number;
    }
  /** Removes a node that was written to that often; -1 for however often. */
  | { readonly type: 'remove'; readonly path: string; readonly dataVersion: number }
  | {
      readonly type: 'write';
      readonly path: string;
      readonly data?: Uint8Array | undefined;
      readonly dataVersion: number;
    };

/** Who may do what with a node. */
export interface AclToWrite {
  readonly permission: number;
  readonly id: { readonly scheme: string; readonly id: string };
}

/** The types of operations (source: `ZooDefs.OpCode` of ZooKeeper 3.8). */
const TYPE = { create: 1, remove: 2, write: 5 } as const;
/** What stands in front of each operation, and at the end: its type, whether it is the end, an error. */
const HEADER_BYTES = 9;

/**
 * The body of a transaction in ZooKeeper's encoding.
 *
 * The client's own takes longer to write a hundred operations than the server to carry them out: it measures each part of each
 * of them several times over.
 */
export function encodeTransaction(operations: readonly Operation[], acl: readonly AclToWrite[]): Buffer {
  const rights = encodeAcl(acl);
  const bytesOf = (operation: Operation): number => {
    const common = HEADER_BYTES + 4 + Buffer.byteLength(operation.path) + 4;
    if (operation.type === 'remove') return common;
    return common + 4 + (operation.data?.length ?? 0) + (operation.type === 'create' ? rights.length : 0);
  };
  const body = Buffer.alloc(operations.reduce((sum, operation) => sum + bytesOf(operation), HEADER_BYTES));
  let at = 0;
  const writeHeader = (type: number, isEnd: boolean): void => {
    at = body.writeInt32BE(type, at);
    at = body.writeUInt8(Number(isEnd), at);
    at = body.writeInt32BE(-1, at);
  };
  for (const operation of operations) {
    writeHeader(TYPE[operation.type], false);
    at = writeText(body, operation.path, at);
    if (operation.type !== 'remove') {
      const { data } = operation;
      at = body.writeInt32BE(data?.length ?? 0, at);
      if (data) body.set(data, at);
      at += data?.length ?? 0;
    }
    if (operation.type === 'create') at += rights.copy(body, at);
    at = body.writeInt32BE(operation.type === 'create' ? operation.mode : operation.dataVersion, at);
  }
  writeHeader(-1, true);
  return body;
}

function encodeAcl(acl: readonly AclToWrite[]): Buffer {
  const texts = acl.flatMap(({ id: { scheme, id } }) => [scheme, id]);
  const bytes = Buffer.alloc(texts.reduce((sum, text) => sum + 4 + Buffer.byteLength(text), 4 + 4 * acl.length));
  let at = bytes.writeInt32BE(acl.length, 0);
  for (const { permission, id } of acl) {
    at = bytes.writeInt32BE(permission, at);
    at = writeText(bytes, id.scheme, at);
    at = writeText(bytes, id.id, at);
  }
  return bytes;
}

function writeText(buffer: Buffer, text: string, at: number): number {
  const length = buffer.write(text, at + 4);
  buffer.writeInt32BE(length, at);
  return at + 4 + length;
}

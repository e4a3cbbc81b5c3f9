import { createRequire } from 'node:module';
import fc from 'fast-check';
import nodeZooKeeper from 'node-zookeeper-client';
import { describe, expect, it } from 'vitest';
import {
  type AclToWrite,
  encodeTransaction,
  type Operation,
} from '../../../lib/backends/zookeeper/encodeTransaction.js';

const { ACL, CreateMode, Id } = nodeZooKeeper;
/** What the client writes. */
const { TransactionRequest } = createRequire(import.meta.url)('node-zookeeper-client/lib/jute') as {
  TransactionRequest: new (operations: readonly object[]) => {
    byteLength(): number;
    serialize(buffer: Buffer, at: number): number;
  };
};

const TYPES = { create: 1, remove: 2, write: 5 };

function asClient(operations: readonly Operation[], acls: readonly AclToWrite[]): Buffer {
  const request = new TransactionRequest(
    operations.map((operation) => ({
      type: TYPES[operation.type],
      path: operation.path,
      ...(operation.type !== 'remove' && { data: Buffer.from(operation.data ?? []) }),
      ...(operation.type === 'create' ? { acls, mode: operation.mode } : { version: operation.dataVersion }),
    })),
  );
  const bytes = Buffer.alloc(request.byteLength());
  request.serialize(bytes, 0);
  return bytes;
}

describe('encodeTransaction', () => {
  const path = fc.string({ unit: 'grapheme', maxLength: 30 }).map((name) => `/${name}`);
  const data = fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined });
  const dataVersion = fc.integer({ min: -1, max: 1_000 });
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    fc.record({
      type: fc.constant('create' as const),
      path,
      data,
      mode: fc.constantFrom(CreateMode.PERSISTENT, CreateMode.EPHEMERAL),
    }),
    fc.record({ type: fc.constant('remove' as const), path, dataVersion }),
    fc.record({ type: fc.constant('write' as const), path, data, dataVersion }),
  );
  const acls = fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 31 }), fc.constantFrom('world', 'auth', 'digest'), fc.string({ maxLength: 12 }))
      .map(([permission, scheme, id]) => new ACL(permission, new Id(scheme, id)) as unknown as AclToWrite),
    { minLength: 1, maxLength: 3 },
  );

  it('writes what the client would', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 8 }), acls, (operations, acl) => {
        expect(encodeTransaction(operations, acl).equals(asClient(operations, acl))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

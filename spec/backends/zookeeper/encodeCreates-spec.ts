import { createRequire } from 'node:module';
import fc from 'fast-check';
import nodeZooKeeper from 'node-zookeeper-client';
import { describe, expect, it } from 'vitest';
import { type AclToWrite, encodeCreates, type NodeToMake } from '../../../lib/backends/zookeeper/encodeCreates.js';

const { ACL, CreateMode, Id } = nodeZooKeeper;
/** What the client writes. */
const { TransactionRequest } = createRequire(import.meta.url)('node-zookeeper-client/lib/jute') as {
  TransactionRequest: new (operations: readonly object[]) => {
    byteLength(): number;
    serialize(buffer: Buffer, at: number): number;
  };
};

function asClient(nodes: readonly NodeToMake[], acls: readonly AclToWrite[]): Buffer {
  const request = new TransactionRequest(
    nodes.map(({ path, data, mode }) => ({ type: 1, path, data: Buffer.from(data ?? []), acls, mode })),
  );
  const bytes = Buffer.alloc(request.byteLength());
  request.serialize(bytes, 0);
  return bytes;
}

describe('encodeCreates', () => {
  const node = fc.record({
    path: fc.string({ unit: 'grapheme', maxLength: 30 }).map((name) => `/${name}`),
    data: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
    mode: fc.constantFrom(CreateMode.PERSISTENT, CreateMode.EPHEMERAL),
  });
  const acls = fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 31 }), fc.constantFrom('world', 'auth', 'digest'), fc.string({ maxLength: 12 }))
      .map(([permission, scheme, id]) => new ACL(permission, new Id(scheme, id)) as unknown as AclToWrite),
    { minLength: 1, maxLength: 3 },
  );

  it('writes what the client would', () => {
    fc.assert(
      fc.property(fc.array(node, { maxLength: 8 }), acls, (nodes, acl) => {
        expect(encodeCreates(nodes, acl).equals(asClient(nodes, acl))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

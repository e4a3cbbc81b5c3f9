import { type ErrorCode, RegistryError } from '../../errors.js';
import { quoted } from '../../internal/quoted.js';

/** The error codes of ZooKeeper that mean something to us (source: `KeeperException.Code` of ZooKeeper 3.8). */
export const ZK = {
  OK: 0,
  SYSTEM_ERROR: -1,
  CONNECTION_LOSS: -4,
  UNIMPLEMENTED: -6,
  NO_NODE: -101,
  NO_AUTH: -102,
  BAD_VERSION: -103,
  NO_CHILDREN_FOR_EPHEMERALS: -108,
  NODE_EXISTS: -110,
  NOT_EMPTY: -111,
  SESSION_EXPIRED: -112,
  INVALID_ACL: -114,
  AUTH_FAILED: -115,
  SESSION_MOVED: -118,
  NO_WATCHER: -121,
  SESSION_CLOSED_REQUIRE_AUTH: -124,
  /** Ours: the answer is longer than is read. */
  ANSWER_TOO_LONG: -10_001,
} as const;

/** A server with `enforce.auth.enabled` answers this to a client that has not authenticated, and closes the connection. */
export const REQUIRES_AUTH =
  'the server demands authentication (enforce.auth.schemes) and was given none that it accepts; ' +
  'this client authenticates by the scheme "digest", with a username and a password';

const MEANINGS: ReadonlyMap<number, readonly [ErrorCode, string]> = new Map([
  [ZK.CONNECTION_LOSS, ['CONNECTION_LOST', 'the connection broke before the answer came']],
  [ZK.UNIMPLEMENTED, ['UNSUPPORTED', 'the server does not know this operation']],
  [ZK.NO_NODE, ['NO_NODE', 'there is no such node']],
  [ZK.NO_AUTH, ['NOT_AUTHORIZED', 'not permitted']],
  [ZK.BAD_VERSION, ['CONFLICT', 'the node changed meanwhile']],
  [ZK.NO_CHILDREN_FOR_EPHEMERALS, ['CONFLICT', 'an ephemeral node can have no children']],
  [ZK.NODE_EXISTS, ['NODE_EXISTS', 'the node exists already']],
  [ZK.NOT_EMPTY, ['NOT_EMPTY', 'the node has children']],
  [ZK.SESSION_EXPIRED, ['SESSION_EXPIRED', 'the session is over']],
  [ZK.INVALID_ACL, ['NOT_AUTHORIZED', 'the ACL is not valid for these credentials']],
  [ZK.AUTH_FAILED, ['NOT_AUTHORIZED', 'the credentials were refused']],
  [ZK.SESSION_CLOSED_REQUIRE_AUTH, ['SERVER_ERROR', REQUIRES_AUTH]],
  [ZK.ANSWER_TOO_LONG, ['TOO_LARGE', 'the answer is larger than `maxPacketBytes` allows']],
  [ZK.SESSION_MOVED, ['CONNECTION_LOST', 'the session moved to another server']],
]);

/** What an error code of the server means, for one operation on one path. */
export function toRegistryError(zkCode: number, operation: string, path: string, cause?: unknown): RegistryError {
  const [code, meaning] = MEANINGS.get(zkCode) ?? (['SERVER_ERROR', `the server answered ${zkCode}`] as const);
  return new RegistryError(
    code,
    `ZooKeeper ${operation} ${quoted(path)}: ${meaning}.`,
    cause === undefined ? {} : { cause },
  );
}

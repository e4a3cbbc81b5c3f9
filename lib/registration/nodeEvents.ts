import type { ConnectionState, NodeState, Session } from '../port/index.js';
import type { Desired, NodeRecord } from './nodeRecord.js';

/** What happens to a node. */
export type NodeEvent =
  | { readonly type: 'connected'; readonly session: Pick<Session, 'id'> }
  | { readonly type: 'disconnected'; readonly state: Exclude<ConnectionState, { readonly status: 'connected' }> }
  /** The connection failed for good. */
  | { readonly type: 'refused'; readonly error: unknown }
  /** Somebody wants something else to become of the node. */
  | { readonly type: 'wanted'; readonly desired: Desired }
  /** Somebody wants another content. */
  | { readonly type: 'changed'; readonly data: Uint8Array }
  /** The watch tells what the node is. */
  | { readonly type: 'seen'; readonly state: NodeState }
  | { readonly type: 'watchFailed'; readonly error: unknown }
  /** It is time to watch again. */
  | { readonly type: 'watchDue' }
  /** What is under way ended with what the node is then. */
  | { readonly type: 'answered'; readonly state: NodeState }
  /** The others that it replaces are gone. */
  | { readonly type: 'replaced' }
  /** What is under way failed. */
  | { readonly type: 'failed'; readonly error: unknown }
  /** The backoff is over. */
  | { readonly type: 'waited' }
  /** Another node is about to take its place. */
  | { readonly type: 'moving' }
  /** Another node has taken its place, as of that position; `undefined` where that failed. */
  | { readonly type: 'moved'; readonly position: bigint | undefined };

/** What is to be done about a node. */
export type NodeEffect =
  /** Make the node; in the place of another one of ours where that stands, in one transaction. */
  | 'create'
  /** Replace the node that was observed, which a session left that is about to end, in one transaction. */
  | 'takeOver'
  /** Write the desired content to the node that was observed. */
  | 'write'
  /** Remove the node, if it is still ours. */
  | 'remove'
  /** Remove the other persistent nodes of the same instance. */
  | 'replaceOthers'
  | 'read'
  /** Wait for the backoff of as many failures as there were in a row. */
  | 'wait'
  | 'watch'
  /** Wait for the backoff of as many failed watches as there were in a row. */
  | 'watchLater'
  /** Nothing of ours is left: remember what it was last, as an older copy of the data may bring it back. */
  | 'forget';

/** The next record and what is to be done; where its `status` is another object, that is told to those who hold the node. */
export type NodeStep = readonly [record: NodeRecord, effect?: NodeEffect];

import type { RegistryNode, Session } from '../port/index.js';

/** What is known of a node: nothing yet, that there is none, or the node. */
export type Observed = 'unknown' | 'absent' | RegistryNode;

/**
 * What shall become of a node: it shall be there, or not, or be left as it is. The last is for one that may stand although
 * another one was asked for instead: it stays until that one stands.
 */
export type Desired = 'present' | 'absent' | 'asIs';

/** What a node is called to those who hold it. */
export type NodeStatus =
  /** Not there yet, or not any more, and worked on; `cause` says what is in the way. */
  | { readonly status: 'pending'; readonly cause?: Error }
  /** Seen in the registry, as ours. */
  | { readonly status: 'registered'; readonly node: RegistryNode }
  /** There when it was last seen; the session may still live. */
  | { readonly status: 'suspended'; readonly cause: Error }
  /** Nothing of ours is left. Final. */
  | { readonly status: 'released' }
  /** It can never be there. Final. */
  | { readonly status: 'failed'; readonly error: unknown };

/** What is under way with a node; the next step is decided after it. */
export type Phase =
  /** There is no connection. */
  | 'offline'
  /** Nothing: the next step follows a change. */
  | 'idle'
  | 'create'
  | 'takeOver'
  | 'write'
  | 'remove'
  /** Other persistent nodes of the same instance are removed. */
  | 'replaceOthers'
  | 'read'
  /** The backoff after a failure. */
  | 'wait'
  /** Another node takes its place, in one transaction. */
  | 'moving'
  /** Ended: no event changes anything. */
  | 'over';

/** Whether the registry tells of changes of the node. */
export type Watching = 'no' | 'yes' | 'again later';

/**
 * All that is known of one node that shall be there: a value, replaced at every step.
 *
 * There may be tens of thousands, so what can be shared is shared.
 */
export interface NodeRecord {
  readonly path: string;
  /** Whether the node goes with the session. */
  readonly ephemeral: boolean;
  /** The content that it shall have; `undefined` where any will do. */
  readonly data: Uint8Array | undefined;
  /** Whether other persistent nodes have to go before this one counts as registered. */
  readonly replacesOthers: boolean;
  readonly desired: Desired;
  readonly phase: Phase;
  readonly watching: Watching;
  readonly status: NodeStatus;

  /** The session that acted last. */
  readonly session: Pick<Session, 'id'> | undefined;
  /** Whether that session has yet to act on the node, so that nothing of its own can be there. */
  readonly fresh: boolean;
  /** Whether that session has held the node: another owner then took it from us, and lives. */
  readonly held: boolean;
  /** How many writes of that session were never answered: each may be carried out yet, however late. */
  readonly unanswered: number;
  /** Whether a node of ours can be there at all: what was never asked for needs no removal. */
  readonly touched: boolean;
  /** Whether it was ever there: what could be done once can be done again. */
  readonly registered: boolean;
  /** Whether the others that it replaces are gone. */
  readonly replaced: boolean;

  readonly observed: Observed;
  /** The position of what was observed last: what is older is out of date, whoever tells it. */
  readonly position: bigint;
  /** The node, where it stood when we last saw it and its session may still live. */
  readonly standing: RegistryNode | undefined;
  /** The node as it was when it was last seen to be ours, whether or not it still stands. */
  readonly lastOwn: RegistryNode | undefined;

  /** How often in a row something failed. */
  readonly failures: number;
  readonly watchFailures: number;
  /** What was observed when the last operation began. */
  readonly expected: Observed;
  /** Why that failed, while it is read whether the node is what was expected. */
  readonly surprise: unknown;
}

/** What a node is desired to be. */
export interface DesiredNode {
  readonly path: string;
  /** Whether the node goes with the session. */
  readonly ephemeral: boolean;
  /** The content; changed content is written in place. @defaultValue empty where the node is made by us, otherwise left as it is */
  readonly data?: Uint8Array | undefined;
  /** Whether other persistent nodes have to go before this one counts as registered. @defaultValue `false` */
  readonly replacesOthers?: boolean | undefined;
}

/** Nothing was observed yet: positions begin above it. */
export const NEVER_OBSERVED = -1n;

export const PENDING: NodeStatus = { status: 'pending' };
export const RELEASED: NodeStatus = { status: 'released' };

/** The record of a node that nothing was done about yet. */
export function newRecord({ path, ephemeral, data, replacesOthers = false }: DesiredNode): NodeRecord {
  return {
    path,
    ephemeral,
    data,
    replacesOthers,
    desired: 'present',
    phase: 'offline',
    watching: 'no',
    status: PENDING,
    session: undefined,
    fresh: false,
    held: false,
    unanswered: 0,
    touched: false,
    registered: false,
    replaced: false,
    observed: 'unknown',
    position: NEVER_OBSERVED,
    standing: undefined,
    lastOwn: undefined,
    failures: 0,
    watchFailures: 0,
    expected: 'unknown',
    surprise: undefined,
  };
}

/** Whether a node is the one that a record stands for: of its session or, for a persistent one, any persistent node. */
export function isOwn({ ephemeral, session }: NodeRecord, { owner }: RegistryNode): boolean {
  return owner === (ephemeral ? session?.id : undefined);
}

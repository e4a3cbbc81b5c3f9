/**
 * What happened, in the order in which it happened: all that an invariant may look at.
 *
 * Plain data, so that a run in virtual time and one on real servers, recorded in several processes, are judged alike. `client`
 * names a registry, `registration` and `consumer` name one subscription each; names are never used twice.
 */
export type HistoryEvent =
  | NodeEvent
  | SessionEvent
  | AttemptEvent
  | StateEvent
  | WantEvent
  | RegistrationEvent
  | ConsumerEvent
  | ToldEvent
  | SetEvent
  | FaultEvent
  | WarningEvent
  | EndedEvent
  | CloseEvent
  | RestEvent
  | CountEvent
  | UnhandledEvent;

interface Moment {
  readonly atMs: number;
}

/** An instance that a node stands for: its key, and all it says but for when and by whom it was written. */
export interface Instance {
  readonly key: string;
  readonly says: string;
}

/**
 * A node below a directory of services, as one transaction of the server left it.
 *
 * What came in a transaction stands before what went in it.
 */
export interface NodeEvent extends Moment {
  readonly kind: 'node';
  readonly path: string;
  readonly present: boolean;
  /** The session that owns it. */
  readonly owner?: string | undefined;
  /** What its name says; `undefined` if that cannot be read. */
  readonly instance: Instance | undefined;
  /** The client that asked for it, `expiry` for the server's clean-up after a session, `operator` for anybody else. */
  readonly by: string;
}

/** A session, as the server sees it. */
export interface SessionEvent extends Moment {
  readonly kind: 'session';
  readonly session: string;
  readonly client: string;
  readonly change: 'began' | 'ended';
  /** Who ended it: its client, `expiry` or `operator`. */
  readonly by?: string;
  /** How many nodes and watches it still had when it ended. */
  readonly nodes?: number;
  readonly watches?: number;
}

/** A client knocked at the server, whether that answered or not. */
export interface AttemptEvent extends Moment {
  readonly kind: 'attempt';
  readonly client: string;
}

/** A state of the connection that a client told. */
export interface StateEvent extends Moment {
  readonly kind: 'state';
  readonly client: string;
  readonly status: 'connecting' | 'connected' | 'suspended' | 'lost' | 'closed';
  readonly session?: string | undefined;
}

/** A registration begins, moves, or (no path) is let go. */
export interface WantEvent extends Moment {
  readonly kind: 'want';
  readonly client: string;
  readonly registration: string;
  readonly path: string | undefined;
  readonly key?: string;
  /** Whether the node outlives the session. */
  readonly persistent?: boolean;
}

/** What a registration told of itself. */
export interface RegistrationEvent extends Moment {
  readonly kind: 'registration';
  readonly client: string;
  readonly registration: string;
  readonly status: 'pending' | 'registered' | 'suspended' | 'withdrawn';
}

/** A consumer subscribes, or leaves. */
export interface ConsumerEvent extends Moment {
  readonly kind: 'consumer';
  readonly client: string;
  readonly consumer: string;
  readonly change: 'subscribed' | 'unsubscribed';
  readonly query: string;
  /** Whether the query asks for what is at a path; of a node that cannot be read: whether it looks at its directory. */
  readonly sees: (path: string) => boolean;
}

/** An event that a consumer was told. */
export interface ToldEvent extends Moment {
  readonly kind: 'told';
  readonly consumer: string;
  readonly type: 'add' | 'update' | 'delete';
  readonly key: string;
  readonly says: string;
  /** What an update says that there was before. */
  readonly previous?: string | undefined;
}

/** A set that a consumer was told, after the events that lead to it. */
export interface SetEvent extends Moment {
  readonly kind: 'set';
  readonly consumer: string;
  /** What each instance says, by key. */
  readonly instances: ReadonlyMap<string, string>;
}

/**
 * Something was done to a client or a server.
 *
 * `stops` says what it keeps from working while it lasts: the messages of a client; only the answers to it, so that the server still
 * hears it; the server, with its clock; the clean-up after sessions; or nothing that could be named, as with slow answers.
 */
export interface FaultEvent extends Moment {
  readonly kind: 'fault';
  /** Names it in reports: `cut`, `freeze`. One of a name at a time for each client. */
  readonly fault: string;
  /** `moment` for one that does not last. */
  readonly phase: 'begin' | 'end' | 'moment';
  /** Whom it befalls; everybody if that is not said. */
  readonly client?: string | undefined;
  readonly stops?: 'messages' | 'answers' | 'server' | 'cleanup' | undefined;
}

/** A client reported something that it got around. */
export interface WarningEvent extends Moment {
  readonly kind: 'warning';
  readonly client: string;
  readonly code: string;
  readonly path?: string | undefined;
}

/** A stream of a client errored or completed by itself. */
export interface EndedEvent extends Moment {
  readonly kind: 'ended';
  readonly client: string;
  /** Which stream: the name of a registration or of a consumer, or `states`. */
  readonly stream: string;
  readonly error?: string | undefined;
  /** Whether that is how it should be. */
  readonly expected?: boolean;
}

/** A registry is asked to close, or says that it has closed; or its process is killed. */
export interface CloseEvent extends Moment {
  readonly kind: 'close';
  readonly client: string;
  readonly change: 'asked' | 'done' | 'killed';
  /** What was asked for; of no meaning to one that is killed. */
  readonly deadlineMs: number;
}

/** Enough time has passed since the last fault and the last wish: from here to the next, all must be as it should be. */
export interface RestEvent extends Moment {
  readonly kind: 'rest';
}

/** How much there is of something, and how much is needed: taken at rest. */
export interface CountEvent extends Moment {
  readonly kind: 'count';
  readonly what: string;
  readonly have: number;
  readonly need: number;
}

/** An error that nobody caught, and that nobody threw on purpose. */
export interface UnhandledEvent extends Moment {
  readonly kind: 'unhandled';
  readonly error: string;
}

/** Whether somebody wants something else from here on, or somebody else has changed what there is. */
export function isNew(event: HistoryEvent): boolean {
  switch (event.kind) {
    case 'want':
    case 'consumer':
    case 'close':
      return true;
    case 'node':
      return event.by === 'operator';
    default:
      return false;
  }
}

/** How long the actors of a process may take to close. */
export const CLOSE_DEADLINE_MS = 5_000;

/** Who a provider or consumer is: enough to make it in another process. */
export type Actor =
  | {
      readonly role: 'provider';
      readonly name: string;
      readonly interface: string;
      /** `host:port` of what it provides. */
      readonly provides: string;
      /** Whether it stays as it is while others come, move and go. */
      readonly steady: boolean;
      /** Whether its node has the same name when its process has been started again. */
      readonly twin?: boolean;
    }
  | { readonly role: 'consumer'; readonly name: string; /** `*` for all. */ readonly interface: string };

/** What the processes of a population tell of what happens in them, each at a time of the machine's monotonic clock. */
export type Observation = { readonly at: number; readonly actor: string } &
  /** It begins, with nothing. */
  (
    | { readonly what: 'entered' }
    | { readonly what: 'wants'; readonly key: string; readonly serial: string }
    | { readonly what: 'releases' }
    | { readonly what: 'registration'; readonly status: string; readonly serial: string; readonly cause?: string }
    | { readonly what: 'refused'; readonly code: string }
    | {
        readonly what: 'told';
        readonly type: 'add' | 'update' | 'delete';
        readonly key: string;
        readonly serial: string;
      }
    | { readonly what: 'set'; readonly services: Readonly<Record<string, string>> }
    | {
        readonly what: 'state';
        readonly status: string;
        readonly session?: string;
        readonly attempt?: number;
        readonly cause?: string;
      }
    | { readonly what: 'warned'; readonly code: string; readonly message: string }
    | { readonly what: 'closed'; readonly tookMs: number }
    /** A stream ended that should not have. */
    | { readonly what: 'ended'; readonly stream: string; readonly cause?: string }
    /** A process that was told to leave is gone; the actor is the process. */
    | { readonly what: 'left'; readonly byItself: boolean }
    /** Something went wrong that nobody caught; the actor is the process. */
    | { readonly what: 'broke'; readonly cause: string }
  );

/** What a process of a population is told to do. */
export type Command =
  | { readonly do: 'enter'; readonly address: string; readonly actors: readonly Actor[]; readonly names: Names }
  | { readonly do: 'churn'; readonly on: boolean }
  | { readonly do: 'release' | 'register'; readonly actor: string }
  | { readonly do: 'setClock'; readonly offsetMs: number }
  | { readonly do: 'resolve'; readonly names: Names }
  | { readonly do: 'sessions' }
  | { readonly do: 'leave' };

/** Host names that only this process knows; those of `''` it knows of, and cannot resolve. */
export type Names = Readonly<Record<string, string>>;

/** What a session can be ended with by somebody else. */
export interface SessionHandle {
  readonly actor: string;
  readonly id: string;
  /** ZooKeeper: in hexadecimal digits. */
  readonly password?: string;
  /** etcd. */
  readonly leases?: readonly string[];
  /** etcd: how many watches it needs for writes that can come late. */
  readonly guarded?: number;
}

/** What a process sends. */
export type Message =
  | { readonly type: 'observed'; readonly observations: readonly Observation[] }
  | { readonly type: 'done'; readonly id: number; readonly result?: readonly SessionHandle[] }
  | { readonly type: 'failed'; readonly id: number; readonly cause: string };

/** What it is sent. */
export interface Order {
  readonly id: number;
  readonly command: Command;
}

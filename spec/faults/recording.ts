import type { Kind } from '../support/cluster/faultCluster.js';
import type { ServerChange } from '../support/history/serverHistory.js';
import type { Actor, Observation } from '../support/population/actors.js';

/** What a fault says about itself: what can be asked of those who had to bear it. */
export interface Effect {
  /** The processes that it kept from the servers, wholly or now and then; all of them, or none. */
  readonly affected: 'all' | readonly string[];
  /** Whether those got nothing at all from any server between beginning and end. */
  readonly silenced?: boolean;
  /** Whether the servers, which were there, got nothing from them: then what is theirs must go. */
  readonly unheard?: boolean;
  /** Whether those processes stood still. */
  readonly stopped?: boolean;
  /** Whether it leaves their sessions the time to go on; on which servers, if not on all. */
  readonly survivable?: boolean | Kind;
  /** Whether what they send takes long to arrive. */
  readonly slow?: boolean;
  /** Whether it takes nodes away by itself, whatever becomes of the sessions. */
  readonly takesNodes?: boolean;
}

/** Everything that is known of one fault: plain data, which invariants are judged on. */
export interface Recording {
  readonly fault: string;
  readonly kind: Kind;
  readonly sessionTimeoutMs: number;
  readonly effect: Effect;
  /** When it began, when it was over, and when everything had come to rest or we gave up waiting. */
  readonly from: number;
  readonly healedAt: number;
  readonly restAt: number;
  /** When the last instance of a service was taken back for good, and of which service, after everything had come to rest. */
  readonly last: { readonly at: number; readonly key: string } | undefined;
  /** All that the servers ever did, until the end of it. */
  readonly changes: readonly ServerChange[];
  /** All that was ever observed, until the end of it. */
  readonly observations: readonly Observation[];
  /** Everybody, with the process they are in. */
  readonly actors: ReadonlyMap<string, Actor & { readonly process: string }>;
  /** The sessions, or leases, that were alive at the end. */
  readonly owners: ReadonlySet<string>;
  /** What the servers and the network hold for everybody at rest, and what they should. */
  readonly loads: readonly { readonly of: string; readonly have: number; readonly need: number }[];
  /** How many connections each client tried to make, on average. */
  readonly attempts: number;
}

/** The longest wait between two attempts to connect. */
export const BACKOFF_MAX_MS = 1_500;
/** What a busy machine may add to a promised time. */
export const SLACK_MS = 1_500;

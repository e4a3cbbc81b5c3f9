import { BehaviorSubject, distinctUntilChanged, map, type Observable } from 'rxjs';
import type { ServiceUrl } from '../../dubbo/index.js';
import type { ConnectionState, Session } from '../../port/index.js';
import type { InstanceAddress, Publication } from './publication.js';

/** Where an instance's node stands. */
export type InstanceState =
  /** Not there yet, or not any more, and worked on; `cause` says what is in the way. */
  | { readonly status: 'pending'; readonly cause?: Error }
  /** Seen in the registry, as ours, with the publication of that number. */
  | { readonly status: 'registered'; readonly serial: number }
  /** The connection is gone; the session may still live. */
  | { readonly status: 'suspended'; readonly cause: Error }
  /** The registry refuses it, or another live session has it; it is tried again. */
  | { readonly status: 'refused'; readonly cause: Error }
  /** Nothing of it is left. */
  | { readonly status: 'released' };

const PENDING: InstanceState = { status: 'pending' };

/** A service that is registered at an instance. */
export interface HeldService {
  service: ServiceUrl;
  /** The first publication that it is part of; `Infinity` until there is one. */
  serial: number;
}

/** One instance that this registry has, or has to take back, and what is known of its node. */
export class InstanceEntry {
  readonly address: InstanceAddress;
  readonly path: string;
  /** What is registered at the address. */
  readonly services = new Set<HeldService>();
  /** What has to be in the registry for all of them; `undefined` when it has to be taken back. */
  readonly wanted = new BehaviorSubject<Publication | undefined>(undefined);
  readonly #states = new BehaviorSubject<InstanceState>(PENDING);
  /** When the first of its services was started: what Java warms an instance up by, so it does not move with a change. */
  startedMs: number | undefined;

  /** The session that acted last, and what it has done: see `decide`. */
  session: Session | undefined;
  held = false;
  unanswered = 0;
  fresh = true;

  constructor(address: InstanceAddress, path: string) {
    this.address = address;
    this.path = path;
  }

  get states(): BehaviorSubject<InstanceState> {
    return this.#states;
  }

  /** Whether a node of ours can be there. */
  get mayStand(): boolean {
    return this.session !== undefined && (this.held || this.unanswered > 0);
  }

  /** Takes the entry up in a connection. */
  begin(session: Session): void {
    if (this.session === session) return;
    this.session = session;
    this.held = false;
    this.fresh = true;
    this.unanswered = 0;
    if (this.#states.value.status === 'suspended') this.tell(PENDING);
  }

  /** Takes note of a connection that is gone. */
  follow(state: ConnectionState): void {
    const { status } = this.#states.value;
    if (state.status === 'suspended' && status === 'registered') this.tell({ status: 'suspended', cause: state.cause });
    if (state.status === 'lost' && status !== 'released') {
      this.held = false;
      this.unanswered = 0;
      // What is left of it goes with the session.
      this.tell(this.wanted.value ? { status: 'pending', cause: state.cause } : { status: 'released' });
    }
    if (state.status === 'closed') this.tell({ status: 'released' });
  }

  tell(state: InstanceState): void {
    if (!isSameState(this.#states.value, state)) this.#states.next(state);
  }

  /** Where a service stands: what was written before it was held does not count for it. */
  statesOf(held: HeldService): Observable<InstanceState> {
    return this.#states.pipe(
      map((state) => (state.status === 'registered' && state.serial < held.serial ? PENDING : state)),
      distinctUntilChanged((a, b) => a.status === b.status && causeOf(a) === causeOf(b)),
    );
  }
}

function isSameState(a: InstanceState, b: InstanceState): boolean {
  if (a.status === 'registered' && b.status === 'registered') return a.serial === b.serial;
  return a.status === b.status && causeOf(a) === causeOf(b);
}

function causeOf(state: InstanceState): string | undefined {
  return 'cause' in state ? state.cause?.message : undefined;
}

import { Subject, type Subscription } from 'rxjs';
import { RegistryError } from '../errors.js';
import type { ConnectionState, RegistryNode, Session } from '../port/index.js';
import { type DesiredNode, newRecord, type NodeRecord, type NodeStatus } from './nodeRecord.js';
import type { NodeEffect, NodeEvent } from './nodeEvents.js';
import { nodeReducer } from './nodeReducer.js';

/** Something to be done about a node that needs the session. */
export interface TableEffect {
  readonly entry: NodeEntry;
  readonly effect: Exclude<NodeEffect, 'forget'>;
}

/** A desired node: its record, and what belongs to it beside what the reducer decides on. */
export class NodeEntry {
  record: NodeRecord;
  /** Whether the name of another persistent node in the same directory is one of the same instance. */
  readonly isOther: ((name: string) => boolean) | undefined;
  /** The node in whose place this one is desired, until this one stands. */
  former: NodeEntry | undefined;
  /** What is under way on the session. */
  operation: Subscription | undefined = undefined;
  watch: Subscription | undefined = undefined;
  /** How many hold it, and how many of those do not insist on it. */
  holds = 0;
  setAside = 0;
  /** Those who are told of the status. */
  listeners: readonly ((status: NodeStatus) => void)[] = NOBODY;
  told: NodeStatus;

  constructor(desired: DesiredNode, isOther: ((name: string) => boolean) | undefined, former: NodeEntry | undefined) {
    this.record = newRecord({ ...desired, replacesOthers: isOther !== undefined });
    this.isOther = isOther;
    this.former = former;
    this.told = this.record.status;
  }

  /** Leaves what is under way on the session. */
  stop(): void {
    this.operation?.unsubscribe();
    this.watch?.unsubscribe();
    this.operation = this.watch = undefined;
  }
}

/** How a {@link NodeTable} reports. */
export interface NodeTableOptions {
  /** Told of each entry that has ended, before its listeners. */
  readonly ended: (entry: NodeEntry) => void;
  /** Told of each node of ours that is gone because it is not desired any more, as it was seen last. */
  readonly forgotten: (session: Session, node: RegistryNode) => void;
  /** Told of a node that is left to another live session. */
  readonly contested: (cause: Error) => void;
}

/**
 * The desired nodes of a registry by path, and the one place where their records change.
 *
 * It knows the connection only as far as it was told; what needs a session is emitted as `effects`.
 */
export class NodeTable {
  /** Hot. What is to be done on the session. */
  readonly effects = new Subject<TableEffect>();
  readonly #entries = new Map<string, NodeEntry>();
  readonly #options: NodeTableOptions;
  /** The present session. */
  #session: Session | undefined;
  /** The present state, while there is no session. */
  #state: Exclude<ConnectionState, { readonly status: 'connected' }> | undefined;

  constructor(options: NodeTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(path: string): NodeEntry | undefined {
    return this.#entries.get(path);
  }

  values(): IterableIterator<NodeEntry> {
    return this.#entries.values();
  }

  add(entry: NodeEntry): void {
    this.#entries.set(entry.record.path, entry);
    if (this.#session) this.step(entry, { type: 'connected', session: this.#session });
    else if (this.#state) this.step(entry, { type: 'disconnected', state: this.#state });
  }

  /** Asserts every node on a session. */
  connect(session: Session): void {
    this.#state = undefined;
    this.#session = session;
    // Those that are added by listeners meanwhile assert themselves.
    for (const entry of [...this.#entries.values()]) {
      if (this.#session === session) this.step(entry, { type: 'connected', session });
    }
  }

  /** Leaves the session; what is under way on it is left, too. */
  disconnect(): void {
    this.#session = undefined;
    for (const entry of this.#entries.values()) entry.stop();
  }

  /** Tells every node what the connection is, where it is not connected. */
  follow(state: ConnectionState): void {
    if (state.status === 'connected') return;
    this.#state = state;
    for (const entry of [...this.#entries.values()]) this.step(entry, { type: 'disconnected', state });
  }

  /** Ends every node with an error. */
  refuse(error: unknown): void {
    const refused = [...this.#entries.values()];
    // Whoever registers again when told of the error begins anew, with a connection of its own.
    this.#entries.clear();
    this.reset();
    for (const entry of refused) this.step(entry, { type: 'refused', error });
  }

  /** Forgets what the connection was. */
  reset(): void {
    this.#session = this.#state = undefined;
  }

  step(entry: NodeEntry, event: NodeEvent): void {
    const session = this.#session;
    const [record, effect] = nodeReducer(entry.record, event);
    entry.record = record;
    if (effect === 'forget') {
      if (session && record.lastOwn) this.#options.forgotten(session, record.lastOwn);
    } else if (effect) {
      this.effects.next({ entry, effect });
    }
    this.#tell(entry);
  }

  /** Last in a step: listeners may call back, and find everything up to date. */
  #tell(entry: NodeEntry): void {
    const { status, phase } = entry.record;
    if (entry.told === status) return;
    entry.told = status;
    if (status.status === 'registered') entry.former = undefined;
    if (phase === 'over') {
      entry.stop();
      entry.former = undefined;
      if (this.#entries.get(entry.record.path) === entry) this.#entries.delete(entry.record.path);
      this.#options.ended(entry);
    }
    if (status.status === 'pending' && isContested(status.cause)) this.#options.contested(status.cause);
    for (const listener of entry.listeners) listener(status);
  }
}

const NOBODY: readonly never[] = [];

function isContested(cause: Error | undefined): cause is RegistryError {
  return cause instanceof RegistryError && cause.code === 'CONTESTED_REGISTRATION';
}

import {
  connect,
  defer,
  EMPTY,
  ignoreElements,
  merge,
  type Observable,
  ReplaySubject,
  Subject,
  Subscription,
  take,
  tap,
} from 'rxjs';
import { whileConnected } from '../connection/index.js';
import type { ConnectionState, RegistryNode, Session } from '../port/index.js';
import { NodeHold } from './nodeHold.js';
import type { DesiredNode } from './nodeRecord.js';
import { NodeEntry, NodeTable } from './nodeTable.js';
import { reconcile, type ReconcileOptions } from './reconcile.js';

/** How {@link Registrations} are kept. */
export interface RegistrationsOptions extends ReconcileOptions {
  /** Told of what ends no registration but should be known. */
  readonly warn?: (error: Error) => void;
  /** Told of each node of ours that is gone because nobody wants it any more, as it was seen last. */
  readonly released?: (session: Session, node: RegistryNode) => void;
}

/** A node to hold. */
export interface HeldNode extends Omit<DesiredNode, 'replacesOthers'> {
  /** Whether the name of another persistent node in the same directory is one of the same instance: such a node is replaced. */
  readonly isOther?: ((name: string) => boolean) | undefined;
}

/** All nodes that one registry desires, by path; one that was released stays here until it is removed. */
export class Registrations {
  readonly #connection: Observable<ConnectionState>;
  readonly #options: RegistrationsOptions;
  readonly #table: NodeTable;
  /** Those that nobody holds any more. */
  readonly #releasing = new Set<NodeEntry>();
  /** Emits whenever the last of them is removed, or held again. */
  readonly #allReleased = new Subject<void>();
  /** Completes when a node is removed, or held again; for those of which somebody asked. */
  readonly #gone = new Map<NodeEntry, ReplaySubject<never>>();
  /** One chain for all of them, as long as there are any. */
  #following = Subscription.EMPTY;

  constructor(connection: Observable<ConnectionState>, options: RegistrationsOptions = {}) {
    this.#connection = connection;
    this.#options = options;
    this.#table = new NodeTable({
      ended: (entry) => this.#ended(entry),
      forgotten: (session, node) => options.released?.(session, node),
      contested: (cause) => options.warn?.(cause),
    });
  }

  /** How many paths are held or not removed yet. */
  get size(): number {
    return this.#table.size;
  }

  /** Whether there may be nodes that go only with the session. */
  get mayOwn(): boolean {
    return [...this.#table.values()].some(({ record }) => record.touched && record.ephemeral);
  }

  /** Whether a path is held or not removed yet. */
  has(path: string): boolean {
    return this.#table.get(path) !== undefined;
  }

  /**
   * Holds a node: it shall be there, with that content if there is one, until the hold is released. Whoever holds a path that is
   * held already shares the node.
   *
   * @param instead - The hold in whose place this one comes, and which is released when this one stands: within one directory
   * both change in one transaction.
   */
  hold(node: HeldNode, instead?: NodeHold): NodeHold {
    const known = this.#table.get(node.path);
    const entry = known ?? new NodeEntry(node, node.isOther, instead && NodeHold.entryOf(instead));
    if (known?.holds === 0) this.#settle(known);
    entry.holds += 1;
    if (known) {
      if (node.data) this.#table.step(entry, { type: 'changed', data: node.data });
      this.#table.step(entry, { type: 'wanted', desired: 'present' });
    } else {
      this.#table.add(entry);
      if (this.#following.closed) this.#follow();
    }
    return new NodeHold(this.#table, entry, () => this.#releasing.add(entry));
  }

  /** Completes when nothing of a path is left, at once if it is not held. */
  gone(path: string): Observable<never> {
    const entry = this.#table.get(path);
    if (!entry) return EMPTY;
    const gone = this.#gone.get(entry) ?? new ReplaySubject<never>(1);
    this.#gone.set(entry, gone);
    return gone;
  }

  /** Completes when everything that was released is removed. */
  releases(): Observable<never> {
    return defer(() => (this.#releasing.size === 0 ? EMPTY : this.#allReleased.pipe(take(1), ignoreElements())));
  }

  #follow(): void {
    const following = (this.#following = new Subscription());
    this.#table.reset();
    following.add(
      this.#connection
        .pipe(
          connect((states) =>
            merge(
              states.pipe(whileConnected((session) => reconcile(session, this.#table, this.#options))),
              // After what was under way has been left.
              states.pipe(tap((state) => this.#table.follow(state))),
            ),
          ),
        )
        .subscribe({
          error: (error: unknown) => {
            following.unsubscribe();
            this.#table.refuse(error);
          },
        }),
    );
  }

  #ended(entry: NodeEntry): void {
    this.#settle(entry);
    if (this.#table.size === 0) this.#following.unsubscribe();
  }

  /** Says that nothing is to be removed of a node any more. */
  #settle(entry: NodeEntry): void {
    this.#gone.get(entry)?.complete();
    this.#gone.delete(entry);
    if (this.#releasing.delete(entry) && this.#releasing.size === 0) this.#allReleased.next();
  }
}

import {
  concat,
  defer,
  EMPTY,
  filter,
  forkJoin,
  ignoreElements,
  merge,
  type Observable,
  of,
  share,
  take,
  tap,
} from 'rxjs';
import { RegistryError } from '../../errors.js';
import type { Duplex, EtcdClient } from './client.js';

/** What the server answers to being asked to keep a lease: how long it will, 0 if it is over. */
export interface KeptLease {
  readonly id: string;
  readonly seconds: number;
}

interface Lease {
  readonly id: string;
  /** How many keys of ours it holds. */
  keys: number;
}

/**
 * The leases of one session: more when there are many keys, because every write to a key costs what its lease holds.
 *
 * They live and end together.
 */
export class Leases {
  readonly #seconds: number;
  readonly #most: number;
  readonly #leases: Map<string, Lease>;
  #granting: Observable<never> | undefined;

  constructor(first: string, seconds: number, most: number) {
    this.#seconds = seconds;
    this.#most = most;
    this.#leases = new Map([[first, { id: first, keys: 0 }]]);
  }

  /** All their ids. */
  get ids(): readonly string[] {
    return [...this.#leases.keys()];
  }

  /** Whether a lease is one of these. */
  has(id: string): boolean {
    return this.#leases.has(id);
  }

  /** Finds room for keys that are about to be written, in a new lease if need be. */
  take(client: EtcdClient, keys: number): Observable<string> {
    return defer((): Observable<string> => {
      for (const lease of this.#leases.values()) {
        if (lease.keys > 0 && lease.keys + keys > this.#most) continue;
        lease.keys += keys;
        return of(lease.id);
      }
      return concat(this.#grant(client), this.take(client, keys));
    });
  }

  /** Gives room back: keys that were not written after all, or are gone. */
  giveBack(id: string, keys: number): void {
    const lease = this.#leases.get(id);
    if (lease) lease.keys = Math.max(0, lease.keys - keys);
  }

  /** Asks the server to keep all of them; emits once it has said so of each, errors if any is over. */
  keep({ answers, write }: Duplex<string, KeptLease>): Observable<unknown> {
    return defer(() => {
      const waiting = new Set(this.ids);
      const kept = answers.pipe(
        tap(({ id, seconds }) => {
          if (seconds <= 0 && this.has(id))
            throw new RegistryError('SESSION_EXPIRED', 'etcd: a lease of ours is over.');
          waiting.delete(id);
        }),
        filter(() => waiting.size === 0),
        take(1),
      );
      const ask = defer(() => {
        for (const id of this.ids) write(id);
        return EMPTY;
      });
      return merge(kept, ask);
    });
  }

  /** Ends all of them, and every key that goes with them. */
  revoke(client: EtcdClient): Observable<unknown> {
    return forkJoin(this.ids.map((id) => client.revoke(id)));
  }

  /** One for all who need it, as room is looked for again after it. */
  #grant(client: EtcdClient): Observable<never> {
    const over = (): void => void (this.#granting = undefined);
    return (this.#granting ??= client.grant(this.#seconds).pipe(
      tap(({ id }) => this.#leases.set(id, { id, keys: 0 })),
      ignoreElements(),
      tap({ complete: over, error: over }),
      share({ resetOnRefCountZero: false }),
    ));
  }
}

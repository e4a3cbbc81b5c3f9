import { randomBytes } from 'node:crypto';
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
  throwError,
} from 'rxjs';
import { RegistryError } from '../../errors.js';
import { isAnswer } from '../../internal/isAnswer.js';
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
 * The leases of one session: none until there is a key to hold, or one that was asked for beforehand; more when there are many
 * keys, because every write to a key costs what its lease holds.
 *
 * They live and end together. Their ids are chosen here: so the first one names the session before it is granted, and a grant
 * whose answer was lost is asked for again without another lease.
 */
export class Leases {
  /** The id of the first one, granted or not. */
  readonly id: string;
  readonly #seconds: number;
  readonly #most: number;
  readonly #leases = new Map<string, Lease>();
  readonly #newId: () => string;
  #grantedSeconds: number | undefined;
  #granting: Observable<never> | undefined;
  /** Why no lease was granted, and until when that counts. */
  #refusal: { readonly error: unknown; readonly until: number } | undefined;

  constructor(seconds: number, most: number, newId = randomId) {
    this.#seconds = seconds;
    this.#most = most;
    this.#newId = newId;
    this.id = newId();
  }

  /** How long the server keeps them without a word from us, in milliseconds: what it granted, or else what is asked for. */
  get timeoutMs(): number {
    return (this.#grantedSeconds ?? this.#seconds) * 1_000;
  }

  /** All their ids. */
  get ids(): readonly string[] {
    return [...this.#leases.keys()];
  }

  /** Whether a lease is one of these. */
  has(id: string): boolean {
    return this.#leases.has(id);
  }

  /** Asks for the first one before it is needed; completes when it was granted, errors if it is refused. */
  prepare(client: EtcdClient): Observable<never> {
    return defer(() => this.#grant(client, true));
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
      if (waiting.size === 0) return of(undefined);
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
  #grant(client: EtcdClient, isEarly = false): Observable<never> {
    if (this.#granting) return this.#granting;
    const refusal = this.#refusal;
    // Ten thousand registrations need not be told so by the server, each of them.
    if (refusal && performance.now() < refusal.until) return throwError(() => refusal.error);
    const id = this.#leases.size === 0 ? this.id : this.#newId();
    const over = (): void => void (this.#granting = undefined);
    return (this.#granting = client.grant({ id, seconds: this.#seconds, isEarly }).pipe(
      tap({
        next: (granted) => {
          this.#leases.set(granted.id, { id: granted.id, keys: 0 });
          this.#grantedSeconds = Math.max(this.#grantedSeconds ?? 0, granted.seconds);
        },
        error: (error: unknown) => {
          if (isAnswer(error)) this.#refusal = { error, until: performance.now() + REFUSED_SHARE * this.timeoutMs };
        },
      }),
      ignoreElements(),
      tap({ complete: over, error: over }),
      share({ resetOnRefCountZero: false }),
    ));
  }
}

/** For so much of the session timeout a refusal counts for all who ask. */
const REFUSED_SHARE = 1 / 12;

/** A lease's id is a positive number of 64 bits with a sign. */
function randomId(): string {
  return String((randomBytes(8).readBigUInt64BE() >> 1n) | 1n);
}

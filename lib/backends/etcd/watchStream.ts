import type { IWatchRequest, IWatchResponse } from 'etcd3';
import {
  concat,
  defer,
  exhaustMap,
  finalize,
  ignoreElements,
  merge,
  Observable,
  of,
  raceWith,
  share,
  type Subscriber,
  switchMap,
  take,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { RegistryError } from '../../errors.js';
import { quoted } from '../../internal/quoted.js';
import { type Duplex, type EtcdClient, type KeyState, toKeyState } from './client.js';
import { CompactedError, isLoginNeeded, RefusedWatchError, toRegistryError } from './errors.js';

/** What is watched: one key, or a range, from a revision on. */
export interface WatchRequest {
  readonly key: Buffer;
  readonly to?: Buffer;
  /** The first revision that is told. */
  readonly from: bigint;
}

/** What happened to a key. */
export interface KeyEvent {
  readonly type: 'put' | 'delete';
  readonly state: KeyState;
}

/** What a watch tells. */
export type WatchAnswer =
  /** It is set; `revision` is where the server's store stands. */
  | { readonly type: 'created'; readonly revision: bigint }
  /** What happened, in whole revisions. */
  | { readonly type: 'events'; readonly events: readonly KeyEvent[] };

interface Watch {
  readonly subscriber: Subscriber<WatchAnswer>;
  readonly key: Buffer;
  readonly from: bigint;
  id: string | undefined;
  left: boolean;
}

/** Shares of the session timeout: a stream that was quiet for the one is asked for a sign of life, and given the other. */
const QUIET_SHARE = 1 / 3;
const ANSWER_SHARE = 1 / 4;

/**
 * Opens a stream of watches: emits it once the server answers on it, errors when it breaks or does not answer any more;
 * unsubscribing ends it, and all its watches on the server.
 */
export function openWatchStream(client: EtcdClient, timeoutMs: number): Observable<WatchStream> {
  return client.watches().pipe(
    switchMap((duplex) => {
      const stream = new WatchStream(duplex);
      const answers = duplex.answers.pipe(share());
      // Its answer is that: a sign of life. It carries a revision, but older servers count ahead of what they sent.
      const probe = merge(
        answers.pipe(take(1)),
        defer(() => {
          duplex.write({ progress_request: {} });
          return [];
        }),
      ).pipe(raceWith(late(timeoutMs * ANSWER_SHARE)), take(1), ignoreElements());
      let heard = false;
      const probes = timer(timeoutMs * QUIET_SHARE, timeoutMs * QUIET_SHARE).pipe(
        exhaustMap(() => {
          const quiet = !heard;
          heard = false;
          return quiet ? probe : [];
        }),
      );
      return merge(
        answers.pipe(
          tap((answer) => {
            heard = true;
            stream.take(answer);
          }),
          ignoreElements(),
        ),
        concat(probe, of(stream)),
        probes,
      ).pipe(
        tap({ error: (error: unknown) => stream.end(error) }),
        finalize(() => stream.end(new RegistryError('CONNECTION_LOST', 'The stream of watches was left.'))),
      );
    }),
  );
}

/** Any number of watches on one raw stream; one that is refused errors alone. */
export class WatchStream {
  readonly #duplex: Duplex<IWatchRequest, IWatchResponse>;
  /** In the order in which they were asked for, which is that of the answers. */
  readonly #creating: Watch[] = [];
  readonly #watches = new Map<string, Watch>();
  #over: unknown;

  constructor(duplex: Duplex<IWatchRequest, IWatchResponse>) {
    this.#duplex = duplex;
  }

  /** Tells what happens to keys. Errors with {@link CompactedError} if the server does not know any more what happened. */
  watch({ key, to, from }: WatchRequest): Observable<WatchAnswer> {
    return new Observable((subscriber) => {
      if (this.#over !== undefined) return subscriber.error(this.#over);
      const watch: Watch = { subscriber, key, from, id: undefined, left: false };
      this.#creating.push(watch);
      subscriber.add(() => this.#leave(watch));
      this.#duplex.write({
        create_request: {
          key,
          ...(to && { range_end: to }),
          start_revision: String(from),
          // In one piece, of whatever size: to cut it up costs the server (3.4) the square of what happened, for seconds.
          fragment: false,
        },
      });
    });
  }

  /** Takes an answer of the server in. */
  take(answer: IWatchResponse): void {
    const { watch_id: id, created, canceled } = answer;
    if (created) {
      const watch = this.#creating.shift();
      if (!watch) return;
      if (canceled) return watch.subscriber.error(refusal(answer, watch.key));
      watch.id = id;
      this.#watches.set(id, watch);
      if (watch.left) return this.#cancel(watch);
      watch.subscriber.next({ type: 'created', revision: BigInt(answer.header.revision) });
      return;
    }
    const watch = this.#watches.get(id);
    if (!watch) return;
    if (canceled) {
      this.#watches.delete(id);
      return watch.subscriber.error(refusal(answer, watch.key));
    }
    const events: KeyEvent[] = [];
    for (const { type, kv } of answer.events) {
      const state = toKeyState(kv);
      // The position is what events say of themselves: the header's revision runs ahead of them.
      if (state.revision < watch.from) continue;
      events.push({ type: type === 'Delete' ? 'delete' : 'put', state });
    }
    if (events.length > 0) watch.subscriber.next({ type: 'events', events });
  }

  /** Tells every watch that it is over. */
  end(error: unknown): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    const watches = [...this.#creating, ...this.#watches.values()];
    this.#creating.length = 0;
    this.#watches.clear();
    // After the connection was told, see the client.
    queueMicrotask(() => watches.forEach(({ subscriber }) => subscriber.error(error)));
  }

  #leave(watch: Watch): void {
    watch.left = true;
    if (watch.id !== undefined && this.#over === undefined) this.#cancel(watch);
  }

  #cancel({ id }: Watch): void {
    if (this.#watches.delete(id!)) this.#duplex.write({ cancel_request: { watch_id: id! } });
  }
}

function refusal({ compact_revision: compacted, cancel_reason: reason }: IWatchResponse, key: Buffer): RegistryError {
  const what = `watch ${quoted(key.toString())}`;
  if (BigInt(compacted) > 0n) {
    return new CompactedError('SERVER_ERROR', `etcd ${what}: history before revision ${compacted} has been compacted.`);
  }
  const error = toRegistryError(new Error(reason || 'canceled by the server'), what);
  if (error.code !== 'NOT_AUTHORIZED' && !isLoginNeeded(error)) return error;
  return new RefusedWatchError(error.code, error.message, { cause: error });
}

function late(ms: number): Observable<never> {
  const error = (): RegistryError => new RegistryError('CONNECTION_LOST', `etcd watch: no answer within ${ms} ms.`);
  // In two steps, so that what arrived while this process stood still is read before the verdict.
  return timer(ms * 0.9).pipe(
    switchMap(() => timer(ms * 0.1)),
    switchMap(() => throwError(error)),
  );
}

import type { IWatchCreateRequest, IWatchRequest, IWatchResponse } from 'etcd3';
import { finalize, ignoreElements, interval, merge, Observable, of, type Subscriber, switchMap, tap } from 'rxjs';
import { RegistryError } from '../../errors.js';
import { quoted } from '../../internal/quoted.js';
import { type Duplex, type EtcdClient, type KeyState, toKeyState } from './client.js';
import { CallWindow } from './callWindow.js';
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

/** A request to create a watch: the server answers each, in order, and refuses what it cannot create. */
interface Creation {
  /** Missing where the request is a probe. */
  readonly watch?: Watch;
  /** Says that it was answered. */
  readonly answered?: () => void;
}

/** A watch whose creation waits until there is room for it. */
interface Waiting {
  readonly request: IWatchCreateRequest;
  readonly watch: Watch;
}

interface Watch {
  readonly subscriber: Subscriber<WatchAnswer>;
  readonly key: Buffer;
  readonly from: bigint;
  id: string | undefined;
  left: boolean;
}

/** The session timeout is counted in ticks. After a pause of this process one tick comes, and then what arrived meanwhile. */
const TICKS = 12;
/** A stream with watches that was silent for so many ticks is probed. */
const QUIET_TICKS = 4;
/** For so many whole ticks a request may stay unanswered while nothing else arrives. */
const ANSWER_TICKS = 3;
/** So many watches at most are asked for at once; more and fewer within these shares of the session timeout, as with calls. */
const MOST_CREATIONS = 1_024;
const [FAST_SHARE, SLOW_SHARE] = [1 / 12, 1 / 6];
/** About what a request has besides its key. */
const OVERHEAD_BYTES = 32;

/**
 * Opens a stream of watches: emits it at once, errors when it breaks; unsubscribing ends it, and all its watches on the server.
 *
 * A server that leaves a request unanswered fails the whole connection, so that another server is tried.
 */
export function openWatchStream(client: EtcdClient, timeoutMs: number): Observable<WatchStream> {
  return client.watches().pipe(
    switchMap((duplex) => {
      const stream = new WatchStream(duplex, windowFor(timeoutMs));
      const ticks = interval(timeoutMs / TICKS).pipe(
        tap(() => {
          if (stream.tick(client.isTransferring)) return;
          client.fail(new RegistryError('CONNECTION_LOST', 'etcd watch: a request to watch was not answered in time.'));
        }),
      );
      const answers = duplex.answers.pipe(tap((answer) => stream.take(answer)));
      return merge(merge(answers, ticks).pipe(ignoreElements()), of(stream)).pipe(
        tap({ error: (error: unknown) => stream.end(error) }),
        finalize(() => stream.end(new RegistryError('CONNECTION_LOST', 'The stream of watches was left.'))),
      );
    }),
  );
}

/** How many requests are under way at once: what waits in one row keeps the renewal of leases waiting as well. */
function windowFor(timeoutMs: number): CallWindow {
  return new CallWindow({
    most: MOST_CREATIONS,
    fastMs: timeoutMs * FAST_SHARE,
    slowMs: timeoutMs * SLOW_SHARE,
    now: () => performance.now(),
  });
}

/** Any number of watches on one raw stream; one that is refused errors alone. */
export class WatchStream {
  readonly #duplex: Duplex<IWatchRequest, IWatchResponse>;
  readonly #window: CallWindow | undefined;
  readonly #waiting = new Set<Waiting>();
  /** In the order in which they were asked for, which is that of the answers. */
  readonly #creating: Creation[] = [];
  readonly #watches = new Map<string, Watch>();
  /** Ids are ours to choose, so that a probe can name one that is taken. */
  #lastId = 0;
  /** Ticks since the last answer, or since a request that was made after it. */
  #silentTicks = 0;
  #over: unknown;

  /** @param window - How many watches are asked for at once; any number if missing. */
  constructor(duplex: Duplex<IWatchRequest, IWatchResponse>, window?: CallWindow) {
    this.#duplex = duplex;
    this.#window = window;
  }

  /** Tells what happens to keys. Errors with {@link CompactedError} if the server does not know any more what happened. */
  watch({ key, to, from }: WatchRequest): Observable<WatchAnswer> {
    return new Observable((subscriber) => {
      if (this.#over !== undefined) return subscriber.error(this.#over);
      const watch: Watch = { subscriber, key, from, id: undefined, left: false };
      const waiting: Waiting = {
        watch,
        request: {
          key,
          ...(to && { range_end: to }),
          start_revision: String(from),
          watch_id: String((this.#lastId += 1)),
          // In one piece, of whatever size: to cut it up costs the server (3.4) the square of what happened, for seconds.
          fragment: false,
        },
      };
      subscriber.add(() => {
        if (!this.#waiting.delete(waiting)) this.#leave(watch);
      });
      this.#waiting.add(waiting);
      this.#createWaiting();
    });
  }

  /** Takes an answer of the server in. */
  take(answer: IWatchResponse): void {
    const { watch_id: id, created, canceled } = answer;
    this.#silentTicks = 0;
    if (created) {
      const creation = this.#creating.shift();
      if (!creation) return;
      const { watch, answered } = creation;
      answered?.();
      this.#createWaiting();
      if (!watch) {
        // A proxy that chooses ids itself has created another watch.
        if (!canceled && !this.#watches.has(id)) this.#cancel(id);
        return;
      }
      if (canceled) return watch.subscriber.error(refusal(answer, watch.key));
      if (watch.left) return this.#cancel(id);
      watch.id = id;
      this.#watches.set(id, watch);
      watch.subscriber.next({ type: 'created', revision: BigInt(answer.header.revision) });
      return;
    }
    const watch = this.#watches.get(id);
    if (!watch) return;
    if (canceled) {
      this.#watches.delete(id);
      // The server keeps a watch that it has canceled until its client cancels it, too, or the stream ends.
      this.#cancel(id);
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

  /**
   * Probes a stream that was silent for long; tells whether every request was answered in time. A large message that is
   * being transferred may be for this stream.
   */
  tick(isTransferring: boolean): boolean {
    this.#silentTicks = isTransferring ? 0 : this.#silentTicks + 1;
    if (this.#creating.length > 0) return this.#silentTicks <= ANSWER_TICKS;
    if (this.#silentTicks >= QUIET_TICKS) this.#probe();
    return true;
  }

  /** Tells every watch that it is over. */
  end(error: unknown): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    const watches = [
      ...this.#creating.flatMap(({ watch }) => watch ?? []),
      ...[...this.#waiting].map(({ watch }) => watch),
      ...this.#watches.values(),
    ];
    this.#creating.length = 0;
    this.#waiting.clear();
    this.#watches.clear();
    // After the connection was told, see the client.
    queueMicrotask(() => watches.forEach(({ subscriber }) => subscriber.error(error)));
  }

  /**
   * Asks for a watch under an id that is taken, which the server refuses without creating anything. It has to answer that,
   * whereas it may ignore a request for progress. The key is one that is being watched, so we may read it.
   */
  #probe(): void {
    for (const [id, { key }] of this.#watches) {
      return this.#create({ key, watch_id: id, filters: ['Noput', 'Nodelete'] }, {});
    }
  }

  #createWaiting(): void {
    for (const waiting of this.#waiting) {
      if (this.#window && !this.#window.hasRoom) return;
      this.#waiting.delete(waiting);
      const { request, watch } = waiting;
      const answered = this.#window?.begin(watch.key.length + OVERHEAD_BYTES);
      this.#create(request, { watch, ...(answered && { answered }) });
    }
  }

  #create(request: IWatchCreateRequest, creation: Creation): void {
    if (this.#creating.length === 0) this.#silentTicks = 0;
    this.#creating.push(creation);
    this.#duplex.write({ create_request: request });
  }

  #leave(watch: Watch): void {
    watch.left = true;
    if (watch.id === undefined || this.#over !== undefined) return;
    if (this.#watches.delete(watch.id)) this.#cancel(watch.id);
  }

  #cancel(id: string): void {
    this.#duplex.write({ cancel_request: { watch_id: id } });
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

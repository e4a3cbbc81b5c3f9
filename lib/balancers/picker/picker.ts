import type { Observable, ObservableInput } from 'rxjs';
import type { ServiceUrl } from '../../dubbo/index.js';
import type { Avoid } from './avoid.js';
import type { CallOutcome } from '../callMeter.js';

/** What a call is told besides its target. */
export interface CallContext {
  /** Aborted when nobody waits for the call any more; not when it has ended by itself, as a promise does with its value. */
  readonly signal: AbortSignal;
  /** How much time is left until the deadline of this use, in milliseconds; `Infinity` if it has none. */
  readonly remainingMs: number;
}

/** How an instance is picked. */
export interface PickOptions {
  /**
   * Instances not to pick as long as there are others, such as one that has just failed: one or several, each as it was called
   * or by its key (see `instanceKey`), or a function that tells them.
   *
   * A balancer that goes by keys picks whose turn it would be without them.
   */
  readonly avoid?: Avoid | undefined;
}

/** How one call is made. */
export interface UseOptions extends PickOptions {
  /** Gives the call up, and the wait before it: it errors with the signal's reason, and the instance is not blamed. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long all of it may take, in milliseconds: waits, the call, and the further calls of those who try again through the same
   * Observable. Then it errors with a `RegistryError` of the code `TIMEOUT`, and calls under way have failed. A subscription that
   * follows one which failed in time has what is left of its time; any other one has all of it. @defaultValue none
   */
  readonly deadlineMs?: number | undefined;
}

/** How a call is hedged. */
export interface HedgeOptions extends UseOptions {
  /** How long a call has to answer before there is another one elsewhere, in milliseconds: the 95th percentile, say. */
  readonly afterMs: number;
  /** How many calls there are at most, the first one included. @defaultValue 2 */
  readonly max?: number | undefined;
}

/** What became of hedging so far. */
export interface HedgeCounts {
  /** Calls through `hedge`. */
  readonly calls: number;
  /** Further calls that were made since nobody had answered. */
  readonly sent: number;
  /** Those of them that answered first. */
  readonly won: number;
  /** Those that were not made, since there had been too many for the traffic. */
  readonly withheld: number;
}

/**
 * Calls one instance.
 *
 * The call lasts until what it returns has completed or failed.
 */
export type Call<T> = (target: ServiceUrl, context: CallContext) => ObservableInput<T>;

/** Calls one instance, and promises one result. */
export type CallOnce<T> = (target: ServiceUrl, context: CallContext) => T | PromiseLike<T>;

/**
 * Chooses who gets the next call, always of the newest set there is: what `balance` makes.
 *
 * When the source of the sets has completed, or the picker is not subscribed to any more, the last set stays, and calls go on; if
 * none had come by then, the first call asks for one. When the source has failed, calls fail with the same error. Calls that are
 * under way by then are not touched.
 */
export interface Picker {
  /** How many instances there are to choose from. */
  readonly size: number;

  /** What became of {@link Picker.hedge} so far. */
  readonly hedges: HedgeCounts;

  /** What came of every call: see `CallMeter.outcomes`, of the meter that this picker counts with. */
  readonly outcomes: Observable<CallOutcome>;

  /**
   * Only chooses: whoever is chosen is not told, and nothing is counted but the turn.
   *
   * @param key - What the call is about, for balancers that keep calls about one thing together.
   * @param options - Whom to avoid.
   * @returns The chosen instance, or `undefined` if there is none.
   */
  pick(key?: string, options?: PickOptions): ServiceUrl | undefined;

  /**
   * Chooses an instance and calls it.
   *
   * ```text
   *  use()          ^---------a-b-|
   *  call             ---a-b-|
   *  instances      [] --x
   *  in flight      0----1-------0
   * ```
   *
   * Cold: every subscription chooses anew and is one call. While it lasts it counts as under way; completing counts as an
   * answer and an error as a failure (see `isFailure`). Unsubscribing cancels the call, which counts as neither, or as an
   * answer if there was a value: `take(1)` is no cancellation. So a time limit that shall be the instance's fault belongs into
   * `call`, as in the example.
   *
   * A call that is tried again goes elsewhere: a subscription avoids all instances that earlier subscriptions to the same
   * Observable were on in vain, as long as there are others, and then all but the last one. That is what `retry` does; one
   * answer, and it is another call. With a key it is whose turn it is without them, and `sticky` keeps the key where it was.
   *
   * ```text
   *  instances             a, b, c
   *  use().pipe(retry(2))  -a-#   -b-#   -c-x|
   * ```
   *
   * @param key - What the call is about, for balancers that keep calls about one thing together.
   * @param call - Makes the call; it may return a promise, an Observable or anything else that RxJS takes for one.
   * @param options - Whom to avoid, and what gives the call up.
   * @returns What the call emits. Errors with what the call errors with or throws, with a `NoInstanceError` if there
   * is no instance within the time that `balance` was told, and with the signal's reason when it is aborted.
   *
   * @example
   * ```ts
   * requests.pipe(
   *   withLatestFrom(picker),
   *   mergeMap(([request, picker]) =>
   *     picker.use(request.key, (target) => call(target, request).pipe(timeout(2_000))).pipe(retry(2)),
   *   ),
   * );
   * ```
   */
  use<T>(key: string | undefined, call: Call<T>, options?: UseOptions): Observable<T>;
  /** Chooses an instance and calls it, where what the call is about does not matter. */
  use<T>(call: Call<T>, options?: UseOptions): Observable<T>;

  /**
   * Calls an instance, and another one as well if it has not answered in time: whoever answers first counts.
   *
   * ```text
   *  first call                  ^------!
   *  second call                     ^--a-b-|     elsewhere, after 4 ms
   *  hedge(…, { afterMs: 4 })    -------a-b-|
   * ```
   *
   * For calls that may be made twice, and whose slowest few shall not be slow. The first value, or the end without any, is the
   * answer; then the others are cancelled, which counts as slow with balancers that go by latency. A call that fails earlier
   * brings the next one forward. All calls of one use are on different instances; where there is no other one, there is no
   * further call. Further calls are bounded to a share of the picker's traffic (`maxHedgedShare` of `balance`), so that a
   * service which is slow as a whole does not get twice the load; `hedges` counts them.
   *
   * Cold: every subscription is one use, as with {@link Picker.use}. Unsubscribing cancels all calls. Errors as
   * {@link Picker.use} does, with the last error if all calls have failed.
   *
   * @param key - What the call is about, for balancers that keep calls about one thing together.
   * @param call - Makes a call; it is told which instance to call.
   * @param options - When to make another call, and how many at most.
   * @throws InvalidOptionError if `afterMs` is no number of milliseconds, or `max` no whole number from 1 to 100.
   *
   * @example
   * ```ts
   * picker.hedge(request.key, (target) => call(target, request), { afterMs: 50 });
   * ```
   */
  hedge<T>(key: string | undefined, call: Call<T>, options: HedgeOptions): Observable<T>;
  /** Calls an instance, and another one as well if it has not answered in time, where what the call is about does not matter. */
  hedge<T>(call: Call<T>, options: HedgeOptions): Observable<T>;

  /**
   * Chooses an instance and calls it at once: {@link Picker.use} for those who await.
   *
   * @param key - What the call is about, for balancers that keep calls about one thing together.
   * @param call - Makes the call, and returns its result or a promise of it.
   * @returns The result. Rejects as {@link Picker.use} errors.
   *
   * @example
   * ```ts
   * const response = await picker.run(userId, (target, { signal }) => fetch(`http://${target.address}/users`, { signal }), {
   *   signal: AbortSignal.timeout(5_000),
   * });
   * ```
   */
  run<T>(key: string | undefined, call: CallOnce<T>, options?: UseOptions): Promise<T>;
  /** Chooses an instance and calls it at once, where what the call is about does not matter. */
  run<T>(call: CallOnce<T>, options?: UseOptions): Promise<T>;
}

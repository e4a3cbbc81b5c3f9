import { asyncScheduler, type Observable, type SchedulerLike, Subject, type TimestampProvider } from 'rxjs';
import { clockOf } from '../internal/clock.js';
import { diagnosticChannel } from '../internal/diagnostics.js';
import { optionsObject } from '../internal/options.js';
import type { CallResult } from './balancer.js';

/** What came of one call. */
export interface CallOutcome {
  /** The instance that was called: see `instanceKey`. */
  readonly key: string;
  /** Whether it answered; what counts as an answer is for `balance` and its option `isFailure` to say. */
  readonly ok: boolean;
  /** From the beginning of the call to its end, in milliseconds, on a clock that only goes forward. */
  readonly latencyMs: number;
}

/** A call under way. Whatever ends it first counts, and all that comes after is ignored. */
export interface MeteredCall {
  /** The instance has answered, and the call goes on: a stream with its first value. Once is enough. */
  answered(): void;
  /** The call is over: the instance answered, or failed. */
  end(ok: boolean): void;
  /** Nobody waits for the call any more: it is over, and tells nothing about the instance. */
  cancel(): void;
}

/** How a {@link CallMeter} measures. */
export interface CallMeterOptions {
  /** Its clock measures latencies: a monotonic one for the default. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/** Who is told of the calls to one instance. */
export interface Follower {
  started(): void;
  answered(latencyMs: number): void;
  ended(latencyMs: number, result: CallResult): void;
}

/** What is known of the calls to one instance. */
export interface Gauge {
  readonly key: string;
  readonly inFlight: number;
}

interface OwnGauge extends Gauge {
  inFlight: number;
  readonly followers: Follower[];
}

const calls = diagnosticChannel('rx-registry:call');

/**
 * Counts calls to instances: how many are under way, how long they took and what came of them.
 *
 * `balance` makes one of its own unless it is given one. Make it yourself to close the loop to an operator further up that
 * looks at outcomes, to let several pipelines know each other's load, or to count calls that are made without `Picker.use`.
 * Keep it for as long as the pipelines: it remembers an instance only while there is a call to it, or a picker that has it.
 *
 * @example
 * ```ts
 * const meter = new CallMeter();
 * const picker = instances.pipe(ejectOutliers(meter.outcomes), balance(leastLoaded(), { meter }));
 * ```
 */
export class CallMeter {
  /**
   * What came of every call, as it ends; calls that were cancelled are not told.
   *
   * Hot; never completes nor errors. By then the call is counted as over everywhere.
   */
  readonly outcomes: Observable<CallOutcome>;

  readonly #outcomes = new Subject<CallOutcome>();
  readonly #gauges = new Map<string, OwnGauge>();
  readonly #clock: TimestampProvider;

  constructor(options: CallMeterOptions = {}) {
    optionsObject(options);
    this.#clock = clockOf(options.scheduler ?? asyncScheduler);
    this.outcomes = this.#outcomes.asObservable();
  }

  /** How many instances it remembers now. */
  get size(): number {
    return this.#gauges.size;
  }

  /** How many calls to an instance are under way, by all that share this meter. */
  inFlight(key: string): number {
    return this.#gauges.get(key)?.inFlight ?? 0;
  }

  /**
   * Counts a call that begins now.
   *
   * @param key - The instance that is called.
   * @returns What to say the end with. A call that is never ended is counted for ever.
   *
   * @example
   * ```ts
   * const call = meter.begin(key);
   * stream.once('end', () => call.end(true)).once('error', () => call.end(false));
   * ```
   */
  begin(key: string): MeteredCall {
    const gauge = this.#gauge(key);
    const begun = this.#clock.now();
    gauge.inFlight += 1;
    for (const follower of gauge.followers) follower.started();
    let hasAnswered = false;
    let isOver = false;
    const elapsedMs = (): number => Math.max(0, this.#clock.now() - begun);
    const answered = (): void => {
      if (hasAnswered || isOver) return;
      hasAnswered = true;
      for (let index = gauge.followers.length - 1; index >= 0; index--) {
        gauge.followers[index]!.answered(elapsedMs());
      }
    };
    const end = (result: CallResult): void => {
      if (isOver) return;
      if (result === 'ok') answered();
      isOver = true;
      const latencyMs = elapsedMs();
      gauge.inFlight -= 1;
      // From the last on: a follower may leave when it is told.
      for (let index = gauge.followers.length - 1; index >= 0; index--) {
        gauge.followers[index]!.ended(latencyMs, result);
      }
      this.#drop(gauge);
      if (calls.hasSubscribers) calls.publish({ key, result, latencyMs, inFlight: gauge.inFlight });
      if (result !== 'cancelled') this.#outcomes.next({ key, ok: result === 'ok', latencyMs });
    };
    return { answered, end: (ok) => end(ok ? 'ok' : 'failed'), cancel: () => end('cancelled') };
  }

  /**
   * Tells somebody of the calls to an instance, until {@link unfollow}.
   *
   * @internal
   */
  follow(key: string, follower: Follower): Gauge {
    const gauge = this.#gauge(key);
    gauge.followers.push(follower);
    return gauge;
  }

  /** @internal */
  unfollow(key: string, follower: Follower): void {
    const gauge = this.#gauges.get(key);
    if (!gauge) return;
    const index = gauge.followers.indexOf(follower);
    if (index >= 0) gauge.followers.splice(index, 1);
    this.#drop(gauge);
  }

  #gauge(key: string): OwnGauge {
    let gauge = this.#gauges.get(key);
    if (!gauge) this.#gauges.set(key, (gauge = { key, inFlight: 0, followers: [] }));
    return gauge;
  }

  #drop(gauge: OwnGauge): void {
    if (gauge.inFlight === 0 && gauge.followers.length === 0) this.#gauges.delete(gauge.key);
  }
}

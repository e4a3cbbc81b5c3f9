import type { Observer, TimestampProvider } from 'rxjs';
import { checked, optionsObject, positiveMs, wholeNumber } from '../internal/options.js';
import type { AvoidCandidate, Balancer, BalancerFactory, CallResult, Candidate } from './balancer.js';
import { checkBalancer, makeBalancer } from './makeBalancer.js';
import { Heeding } from './picker/heeding.js';

/** How many calls an instance may have, as {@link limitConcurrency} has learnt. */
export interface ConcurrencyLimit {
  /** The instance: see `instanceKey`. */
  readonly key: string;
  /** How many calls to it may be under way. */
  readonly limit: number;
}

/** How {@link limitConcurrency} finds limits. */
export interface LimitConcurrencyOptions {
  /** What an instance begins with. @defaultValue 20, or `min` or `max` if that is beyond them */
  readonly initial?: number | undefined;
  /** No limit is lower. @defaultValue 1 */
  readonly min?: number | undefined;
  /** No limit is higher. @defaultValue 1000 */
  readonly max?: number | undefined;
  /** What a limit is multiplied by when a call fails or is slow, from 0.1 up to but not including 1. @defaultValue 0.9 */
  readonly backoff?: number | undefined;
  /** A call that takes longer counts as one that fails, in milliseconds. @defaultValue none does */
  readonly slowMs?: number | undefined;
  /** Told of every limit that changes by a whole call: a `Subject`, for instance. */
  readonly limits?: Pick<Observer<ConcurrencyLimit>, 'next'> | undefined;
}

interface Settings {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly backoff: number;
  readonly slowMs: number;
  readonly limits: Pick<Observer<ConcurrencyLimit>, 'next'> | undefined;
}

/** What is known of a candidate. */
interface Gate {
  /** With the fractions that add up to a whole call. */
  limit: number;
  /** When it was lowered last: calls from before that tell nothing new. */
  loweredAt: number;
}

/**
 * A balancer that lets another one pick, but nobody who has as many calls under way as it can take: more than that would only
 * wait at the instance, and hold up those who could be served elsewhere.
 *
 * What an instance can take is learnt as TCP learns what a network can (additive increase, multiplicative decrease): as long as
 * calls answer and half of the limit is in use, the limit rises by one with every limit's worth of calls; a call that fails,
 * or is slower than `slowMs`, lowers it by a tenth, once for all calls that were under way then. A call that is given up tells
 * nothing, unless it was slow. Where all have as many calls as they may, a call waits as for an instance (`waitMs` of
 * `balance`), first come, first served, and fails with a `NoInstanceError` after that. An instance that leaves and comes back
 * begins anew.
 *
 * A pick costs as much as the other balancer says, and more for each instance at its limit that it would have picked; a call's
 * beginning and end cost O(1) more.
 *
 * Sources: D.-M. Chiu, R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer
 * Networks", 1989; the idea to do this for calls is that of Netflix's concurrency-limits.
 *
 * @param balancer - Picks among those that may have more calls.
 * @throws InvalidOptionError if a limit is no whole number from 1 to 1,000,000, `min` is above `max` or `initial` not between
 * them, `backoff` is out of range, or `slowMs` is no number of milliseconds.
 *
 * @example
 * ```ts
 * instances.pipe(balance(limitConcurrency(leastLoaded(), { slowMs: 500 }), { waitMs: 100 }));
 * ```
 */
export function limitConcurrency(balancer: BalancerFactory, options: LimitConcurrencyOptions = {}): BalancerFactory {
  checkBalancer(balancer);
  const { limits, slowMs, backoff = 0.9 } = optionsObject(options);
  const most = 1_000_000;
  const max = wholeNumber('max', options.max ?? 1_000, 1, most);
  const min = wholeNumber('min', options.min ?? 1, 1, max);
  const initial = wholeNumber('initial', options.initial ?? Math.min(Math.max(20, min), max), min, max);
  checked(
    'backoff',
    backoff,
    'a number from 0.1 up to but not including 1',
    typeof backoff === 'number' && backoff >= 0.1 && backoff < 1,
  );
  checked('limits', limits, 'an observer', limits === undefined || typeof limits?.next === 'function');
  const settings: Settings = {
    initial,
    min,
    max,
    backoff,
    slowMs: slowMs === undefined ? Infinity : positiveMs('slowMs', slowMs),
    limits,
  };
  return (clock) => new LimitConcurrency(new Heeding(makeBalancer(balancer, clock)), settings, clock);
}

class LimitConcurrency implements Balancer {
  readonly #balancer: Balancer;
  readonly #settings: Settings;
  readonly #clock: TimestampProvider;
  readonly #gates = new Map<Candidate, Gate>();

  constructor(balancer: Balancer, settings: Settings, clock: TimestampProvider) {
    this.#balancer = balancer;
    this.#settings = settings;
    this.#clock = clock;
  }

  add(candidate: Candidate): void {
    this.#gates.set(candidate, { limit: this.#settings.initial, loweredAt: -Infinity });
    this.#balancer.add(candidate);
  }

  remove(candidate: Candidate): void {
    this.#gates.delete(candidate);
    this.#balancer.remove(candidate);
  }

  changed(candidate: Candidate): void {
    this.#balancer.changed?.(candidate);
  }

  pick(key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const isFull: AvoidCandidate = (candidate) => candidate.inFlight >= Math.floor(this.#gates.get(candidate)!.limit);
    return this.#balancer.pick(key, avoid ? (candidate) => isFull(candidate) || avoid(candidate) : isFull);
  }

  started(candidate: Candidate): void {
    this.#balancer.started?.(candidate);
  }

  answered(candidate: Candidate, latencyMs: number): void {
    this.#balancer.answered?.(candidate, latencyMs);
  }

  ended(candidate: Candidate, latencyMs: number, result: CallResult): void {
    this.#learn(candidate, latencyMs, result);
    this.#balancer.ended?.(candidate, latencyMs, result);
  }

  #learn(candidate: Candidate, latencyMs: number, result: CallResult): void {
    const { min, max, backoff, slowMs, limits } = this.#settings;
    const gate = this.#gates.get(candidate)!;
    const before = Math.floor(gate.limit);
    const now = this.#clock.now();
    if (result === 'failed' || latencyMs > slowMs) {
      if (now - latencyMs < gate.loweredAt) return;
      gate.limit = Math.max(min, gate.limit * backoff);
      gate.loweredAt = now;
    } else if (result === 'ok' && 2 * (candidate.inFlight + 1) >= gate.limit) {
      gate.limit = Math.min(max, gate.limit + 1 / gate.limit);
    }
    const limit = Math.floor(gate.limit);
    if (limit !== before) limits?.next({ key: candidate.key, limit });
  }
}

import type { TimestampProvider } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';

/** One instance as a {@link Balancer} sees it: the same object for as long as the instance is in the set. */
export interface Candidate {
  /** What it is known by: see `instanceKey`. */
  readonly key: string;
  /** What it says of itself now. */
  readonly instance: ServiceUrl;
  /**
   * How much it shall get compared with others: its parameter `weight` by Dubbo's rules, a whole number from 0 up.
   *
   * 100 if it says none, or one that is no whole number below 2^31; 0 if it says less. An instance of weight 0 is for when
   * there are no others.
   */
  readonly weight: number;
  /** How many calls to it are under way, by all that share its {@link CallMeter}. */
  readonly inFlight: number;
}

/** Whether not to choose a candidate for one call. Always the same answer during one pick. */
export type AvoidCandidate = (candidate: Candidate) => boolean;

/** What came of a call: an answer, a failure of the instance, or nothing because the caller did not wait for it. */
export type CallResult = 'ok' | 'failed' | 'cancelled';

/**
 * Chooses one of the instances there are.
 *
 * This is all that a balancer of your own has to be: it is told who comes, changes and goes, one at a time, and asked to
 * choose. What it remembers of a candidate outlives all changes to it, and ends when the candidate is removed. None of the
 * methods may throw.
 *
 * @example
 * ```ts
 * // Whoever has been there longest.
 * const eldest: BalancerFactory = () => {
 *   const candidates = new Set<Candidate>();
 *   return {
 *     add: (candidate) => candidates.add(candidate),
 *     remove: (candidate) => candidates.delete(candidate),
 *     pick: () => candidates.values().next().value,
 *   };
 * };
 * ```
 */
export interface Balancer {
  /** An instance has come. */
  add(candidate: Candidate): void;
  /** An instance has left: it must not be picked again. */
  remove(candidate: Candidate): void;
  /** An instance says something else of itself now, its weight perhaps. */
  changed?(candidate: Candidate): void;
  /**
   * Chooses who gets the next call.
   *
   * @param key - What the call is about, for those who keep calls about one thing together.
   * @param avoid - Says of whom not to choose for this call, such as those that it has failed on. A balancer that takes no
   * notice of it is asked again, and in the end any other one is taken.
   * @returns One that was added and not removed, or `undefined` if there is none, or none but those to avoid.
   */
  pick(key?: string, avoid?: AvoidCandidate): Candidate | undefined;
  /** A call to it has begun; {@link Candidate.inFlight} says so already. */
  started?(candidate: Candidate): void;
  /** A call to it is over, after so many milliseconds; {@link Candidate.inFlight} says so already. */
  ended?(candidate: Candidate, latencyMs: number, result: CallResult): void;
}

/**
 * Makes a {@link Balancer}, one for each subscription to what `balance` returns.
 *
 * @param clock - The time in milliseconds that latencies are measured with: only differences mean something.
 */
export type BalancerFactory = (clock: TimestampProvider) => Balancer;

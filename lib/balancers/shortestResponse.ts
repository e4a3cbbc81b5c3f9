import type { TimestampProvider } from 'rxjs';
import type { Balancer, BalancerFactory, CallResult, Candidate } from './balancer.js';
import { Chain, type Link } from './chain.js';
import { optionsObject, positiveMs } from './options.js';
import { type Ranked, Ranking } from './ranking.js';
import { LEAST_MS, UNTRIED_MS } from './untried.js';
import { DEFAULT_WEIGHT, shareOf } from './weight.js';

/** How {@link shortestResponse} remembers. */
export interface ShortestResponseOptions {
  /** How long latencies count, in milliseconds; then an instance is tried anew. @defaultValue 30_000, as in Dubbo */
  readonly windowMs?: number | undefined;
  /** What a failed call counts as if it took less, in milliseconds: failing fast must not look good. @defaultValue 1_000 */
  readonly failurePenaltyMs?: number | undefined;
}

/** A candidate with the latencies of one window. */
interface Response extends Ranked, Link<Response> {
  totalMs: number;
  calls: number;
  since: number;
}

/**
 * A balancer that picks the instance that is expected to answer first, of all there are.
 *
 * Expected is the average latency within the window times the calls under way, this one included and in proportion to the
 * weight; equals take turns, as often as they weigh. One that has not answered within the window is tried soon, with one call
 * at a time. Where Dubbo's `shortestresponse` leaves failed calls out, so that an instance which fails at once draws all calls
 * to itself, here they count as slow, and so does a call that is given up after longer than the average. Instances of weight
 * 0 are picked only if there are no others.
 *
 * A pick, a call's beginning and its end, and a change cost O(log n), amortised over the calls that windows forget.
 *
 * With many clients, {@link powerOfTwoChoices} is the better choice: these here would all run to the same instance.
 *
 * @throws InvalidOptionError if `windowMs` or `failurePenaltyMs` is not above 0.
 *
 * @example
 * ```ts
 * instances.pipe(balance(shortestResponse({ windowMs: 10_000 })));
 * ```
 */
export function shortestResponse(options: ShortestResponseOptions = {}): BalancerFactory {
  optionsObject(options);
  const windowMs = positiveMs('windowMs', options.windowMs, 30_000);
  const failurePenaltyMs = positiveMs('failurePenaltyMs', options.failurePenaltyMs, 1_000);
  return (clock) => new ShortestResponse(clock, windowMs, failurePenaltyMs);
}

class ShortestResponse implements Balancer {
  readonly #clock: TimestampProvider;
  readonly #windowMs: number;
  readonly #failurePenaltyMs: number;
  readonly #responses = new Map<Candidate, Response>();
  readonly #ranking = new Ranking<Response>();
  /** Those with latencies, whose window began first before others. */
  readonly #windows = new Chain<Response>();

  constructor(clock: TimestampProvider, windowMs: number, failurePenaltyMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#failurePenaltyMs = failurePenaltyMs;
  }

  add(candidate: Candidate): void {
    const response: Response = {
      candidate,
      totalMs: 0,
      calls: 0,
      since: 0,
      score: 0,
      turn: 0,
      order: 0,
      position: -1,
      next: undefined,
      previous: undefined,
    };
    response.score = expectedMs(response);
    this.#responses.set(candidate, response);
    this.#ranking.add(response);
  }

  changed(candidate: Candidate): void {
    this.#rank(this.#responses.get(candidate)!);
  }

  remove(candidate: Candidate): void {
    const response = this.#responses.get(candidate)!;
    this.#responses.delete(candidate);
    this.#ranking.remove(response);
    if (response.calls > 0) this.#windows.remove(response);
  }

  pick(): Candidate | undefined {
    const now = this.#clock.now();
    for (let oldest = this.#windows.first; oldest && this.#isOver(oldest, now); oldest = this.#windows.first) {
      this.#forget(oldest);
      this.#rank(oldest);
    }
    return this.#ranking.take()?.candidate;
  }

  started(candidate: Candidate): void {
    this.changed(candidate);
  }

  ended(candidate: Candidate, latencyMs: number, result: CallResult): void {
    const response = this.#responses.get(candidate)!;
    const now = this.#clock.now();
    if (response.calls > 0 && this.#isOver(response, now)) this.#forget(response);
    const seen = result === 'failed' ? Math.max(latencyMs, this.#failurePenaltyMs) : latencyMs;
    if (result !== 'cancelled' || seen * response.calls >= response.totalMs) {
      if (response.calls === 0) {
        response.since = now;
        this.#windows.append(response);
      }
      response.totalMs += seen;
      response.calls += 1;
    }
    this.#rank(response);
  }

  #isOver(response: Response, now: number): boolean {
    return now - response.since >= this.#windowMs;
  }

  #forget(response: Response): void {
    this.#windows.remove(response);
    response.totalMs = 0;
    response.calls = 0;
  }

  #rank(response: Response): void {
    response.score = expectedMs(response);
    this.#ranking.moved(response);
  }
}

function expectedMs({ candidate, totalMs, calls }: Response): number {
  const { inFlight } = candidate;
  if (calls === 0 && inFlight === 0) return 0;
  const load = 1 + inFlight;
  const average = calls === 0 ? UNTRIED_MS : Math.max(LEAST_MS, totalMs / calls);
  return (average * load * DEFAULT_WEIGHT) / shareOf(candidate);
}

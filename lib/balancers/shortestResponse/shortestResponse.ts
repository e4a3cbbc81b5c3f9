import type { TimestampProvider } from 'rxjs';
import { type HeapItem, IndexedHeap } from '../../internal/indexedHeap.js';
import { optionalFunction, optionsObject, positiveMs } from '../../internal/options.js';
import type { AvoidCandidate, Balancer, BalancerFactory, CallResult, Candidate } from '../balancer.js';
import type { RandomOptions } from '../random.js';
import { Chain, type Link } from '../shared/chain.js';
import { type Ranked, Ranking } from '../shared/ranking.js';
import { RelativeDeviation } from './relativeDeviation.js';
import { LEAST_MS, UNTRIED_MS } from '../shared/untried.js';
import { MeanWeight, shareOf } from '../shared/weight.js';

/** How {@link shortestResponse} remembers. */
export interface ShortestResponseOptions extends RandomOptions {
  /**
   * How long latencies count, in milliseconds: then an instance that looked slow is tried anew, and of others half is forgotten.
   *
   * @defaultValue 30_000, as in Dubbo
   */
  readonly windowMs?: number | undefined;
  /** What a failed call counts as if it took less, in milliseconds: failing fast must not look good. @defaultValue 1_000 */
  readonly failurePenaltyMs?: number | undefined;
}

/** A candidate with the latencies of one window. */
class Response implements Ranked, Link<Response> {
  readonly candidate: Candidate;
  score = 1;
  turn = 0;
  share = 0;
  isSpare = false;
  order = 0;
  position = -1;
  next: Response | undefined;
  previous: Response | undefined;
  /** How many answers the average is of, those of windows before for half. */
  answers = 0;
  since = 0;
  /** In the heap of averages, while there is one. */
  readonly average: HeapItem & { ms: number } = { ms: 0, position: -1 };
  /** In the heap of those that are slow, while it is: as long as the lowest average is below this. */
  readonly slow: HeapItem & { limitMs: number; readonly of: Response } = { limitMs: 0, of: this, position: -1 };

  constructor(candidate: Candidate) {
    this.candidate = candidate;
  }
}

/** An average that is above the lowest one by less than this factor is as good as the lowest. */
const TOLERANCE = 1.25;

/** An average is of so many answers at most, or else one that becomes slow would be found out late. */
const MOST_ANSWERS = 100;

/** So many standard errors above that may be by chance: it is looked at after every answer. */
const ERRORS = 3;

/**
 * A balancer that picks the instance that is expected to answer first, of all there are.
 *
 * Expected is the average latency within the window times the load, which is one more than the calls under way in proportion
 * to the weight. An average counts as the lowest one if it is above it by less than a quarter, and by as much more as so few
 * answers can differ by chance, which is learnt from how they differ. So instances that answer about equally fast have
 * the same expectation while they are idle, and equals take turns, as often as they weigh and in an order that each client draws;
 * weights say nothing about speed.
 * One that has not answered within the window counts as fast, and is tried with one call at a time. Where Dubbo's
 * `shortestresponse` leaves failed calls out, so that an instance which fails at once draws all calls to itself, here they
 * count as slow, and so does a call that is given up after longer than the average. Instances of weight 0 are picked only if
 * there are no others.
 *
 * A pick, a call's beginning and its end, and a change cost O(log n), amortised over the calls that windows forget.
 *
 * With many clients, {@link powerOfTwoChoices} is the better choice: these here would all run to the same instance.
 *
 * @throws InvalidOptionError if `windowMs` or `failurePenaltyMs` is not above 0, or `random` is no function.
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
  const draw = optionalFunction('random', options.random) ?? Math.random;
  return (clock) => new ShortestResponse(clock, draw, windowMs, failurePenaltyMs);
}

class ShortestResponse implements Balancer {
  readonly #clock: TimestampProvider;
  readonly #windowMs: number;
  readonly #failurePenaltyMs: number;
  readonly #responses = new Map<Candidate, Response>();
  readonly #ranking: Ranking<Response>;
  readonly #weights = new MeanWeight();
  /** The weight that calls under way are compared by. */
  #unit = 0;
  readonly #deviation = new RelativeDeviation();
  /** The deviation that those with latencies are ranked by. */
  #deviationUsed = 0;
  /** Those with latencies, whose window began first before others. */
  readonly #windows = new Chain<Response>();
  readonly #averages = new IndexedHeap<Response['average']>((a, b) => a.ms < b.ms);
  readonly #slow = new IndexedHeap<Response['slow']>((a, b) => a.limitMs < b.limitMs);

  constructor(clock: TimestampProvider, draw: () => number, windowMs: number, failurePenaltyMs: number) {
    this.#clock = clock;
    this.#ranking = new Ranking(draw);
    this.#windowMs = windowMs;
    this.#failurePenaltyMs = failurePenaltyMs;
  }

  add(candidate: Candidate): void {
    const response = new Response(candidate);
    this.#responses.set(candidate, response);
    this.#ranking.add(response);
    this.#weights.add(response.share);
    this.#rank(response);
    this.#measure();
  }

  changed(candidate: Candidate): void {
    const response = this.#responses.get(candidate)!;
    this.#weights.remove(response.share);
    this.#rank(response);
    this.#weights.add(response.share);
    this.#measure();
  }

  remove(candidate: Candidate): void {
    const response = this.#responses.get(candidate)!;
    this.#responses.delete(candidate);
    this.#ranking.remove(response);
    this.#weights.remove(response.share);
    if (response.answers > 0) this.#forget(response);
    this.#forgive();
    this.#measure();
  }

  pick(_key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const now = this.#clock.now();
    for (let oldest = this.#windows.first; oldest && this.#isOver(oldest, now); oldest = this.#windows.first) {
      this.#fade(oldest, now);
      this.#rank(oldest);
    }
    this.#forgive();
    let best = this.#ranking.best(avoid);
    for (; best && this.#isNewlySlow(best); best = this.#ranking.best(avoid)) this.#rank(best);
    if (best) this.#ranking.serve(best);
    return best?.candidate;
  }

  started(candidate: Candidate): void {
    this.#rank(this.#responses.get(candidate)!);
  }

  ended(candidate: Candidate, latencyMs: number, result: CallResult): void {
    const response = this.#responses.get(candidate)!;
    const now = this.#clock.now();
    if (response.answers > 0 && this.#isOver(response, now)) this.#fade(response, now);
    const seen = Math.max(LEAST_MS, result === 'failed' ? Math.max(latencyMs, this.#failurePenaltyMs) : latencyMs);
    const tellsNothing = result === 'cancelled' && response.answers > 0 && seen < response.average.ms;
    if (!tellsNothing) this.#learn(response, seen, now);
    this.#rank(response);
    this.#review();
    this.#forgive();
  }

  #isOver(response: Response, now: number): boolean {
    return now - response.since >= this.#windowMs;
  }

  #learn(response: Response, latencyMs: number, now: number): void {
    const { average, answers } = response;
    if (answers > 0) this.#deviation.add(latencyMs / average.ms - 1, answers);
    response.answers = Math.min(answers + 1, MOST_ANSWERS);
    average.ms += (latencyMs - average.ms) / response.answers;
    if (answers > 0) return this.#averages.moved(average);
    response.since = now;
    this.#windows.append(response);
    this.#averages.push(average);
  }

  /** A window is over. */
  #fade(response: Response, now: number): void {
    if (response.slow.position >= 0) return this.#forget(response);
    response.answers = Math.max(1, response.answers / 2);
    response.since = now;
    this.#windows.remove(response);
    this.#windows.append(response);
  }

  #forget(response: Response): void {
    this.#windows.remove(response);
    this.#averages.remove(response.average);
    if (response.slow.position >= 0) this.#slow.remove(response.slow);
    response.answers = response.average.ms = 0;
  }

  /** Ranks those anew that are as good as the lowest average, which has risen. */
  #forgive(): void {
    for (let first = this.#slow.first; first && !this.#isSlow(first); first = this.#slow.first) {
      this.#rank(first.of);
    }
  }

  #isSlow({ limitMs }: Response['slow']): boolean {
    const lowest = this.#averages.first;
    return lowest !== undefined && lowest.ms < limitMs;
  }

  /** Whether the lowest average has fallen so much since it was ranked: that is looked at only when it matters. */
  #isNewlySlow({ answers, slow }: Response): boolean {
    return answers > 0 && slow.position < 0 && this.#isSlow(slow);
  }

  #tolerance(answers: number): number {
    return TOLERANCE + (ERRORS * this.#deviationUsed) / Math.sqrt(answers);
  }

  #rank(response: Response): void {
    const { candidate, average, answers, slow } = response;
    if (slow.position >= 0) this.#slow.remove(slow);
    let relative = 1;
    if (answers > 0) {
      slow.limitMs = average.ms / this.#tolerance(answers);
      if (this.#isSlow(slow)) {
        relative = average.ms / this.#averages.first!.ms;
        this.#slow.push(slow);
      }
    } else if (candidate.inFlight > 0) {
      relative = UNTRIED_MS;
    }
    response.score = relative * (1 + (candidate.inFlight * this.#unit) / shareOf(candidate));
    this.#ranking.moved(response);
  }

  /** Ranks all anew if latencies turn out to differ more, or less, than was thought; that becomes rare soon. */
  #review(): void {
    const { value } = this.#deviation;
    if (Math.abs(value - this.#deviationUsed) < 0.1 * (this.#deviationUsed + 0.1)) return;
    this.#deviationUsed = value;
    for (let one = this.#windows.first, left = this.#windows.size; one && left > 0; one = one.next, left--)
      this.#rank(one);
  }

  /** Calls under way are compared by the mean weight, roughly, so that what all weigh does not matter. */
  #measure(): void {
    const unit = this.#weights.roughly(this.#unit);
    if (unit === this.#unit) return;
    this.#unit = unit;
    for (const response of this.#responses.values()) this.#rank(response);
  }
}

import type { TimestampProvider } from 'rxjs';
import type { AvoidCandidate, Balancer, CallResult, Candidate } from '../balancer.js';

/** One that has not answered enough calls since it came. */
interface Trial {
  readonly since: number;
  /** Calls that were let through since the last time when none was under way, and those of them that still are. */
  begun: number;
  underWay: number;
  /** Calls in a row that have answered. */
  answered: number;
}

/** Clocks with fractions of a millisecond: what a difference and a sum of times may differ by. */
const ROUNDING_MS = 1e-6;

/**
 * Lets only a few calls through to one that has come, and no more before all of those are back, until as many in a row have
 * answered.
 *
 * Who was there before the first answer of all is as good as the others, and needs no trial. Where only those are left that
 * have as many calls as they may, there is nobody to spare them: then they get more.
 */
export class Trials implements Balancer {
  readonly #balancer: Balancer;
  readonly #calls: number;
  readonly #clock: TimestampProvider;
  readonly #trials = new Map<Candidate, Trial>();
  #hasAnswers = false;

  /** @param calls - How many calls a trial is. */
  constructor(balancer: Balancer, calls: number, clock: TimestampProvider) {
    this.#balancer = balancer;
    this.#calls = calls;
    this.#clock = clock;
  }

  add(candidate: Candidate): void {
    if (this.#hasAnswers) this.#trials.set(candidate, { since: this.#clock.now(), begun: 0, underWay: 0, answered: 0 });
    this.#balancer.add(candidate);
  }

  remove(candidate: Candidate): void {
    this.#trials.delete(candidate);
    this.#balancer.remove(candidate);
  }

  changed(candidate: Candidate): void {
    this.#balancer.changed?.(candidate);
  }

  pick(key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    if (this.#trials.size === 0) return this.#balancer.pick(key, avoid);
    const isFull: AvoidCandidate = (candidate) => (this.#trials.get(candidate)?.begun ?? 0) >= this.#calls;
    const spared = avoid ? (candidate: Candidate) => isFull(candidate) || avoid(candidate) : isFull;
    return this.#balancer.pick(key, spared) ?? this.#balancer.pick(key, avoid);
  }

  started(candidate: Candidate): void {
    const trial = this.#trials.get(candidate);
    if (trial) {
      trial.begun += 1;
      trial.underWay += 1;
    }
    this.#balancer.started?.(candidate);
  }

  answered(candidate: Candidate, latencyMs: number): void {
    this.#hasAnswers = true;
    const trial = this.#trialOf(candidate, latencyMs);
    if (trial && ++trial.answered >= this.#calls) this.#trials.delete(candidate);
    this.#balancer.answered?.(candidate, latencyMs);
  }

  ended(candidate: Candidate, latencyMs: number, result: CallResult): void {
    const trial = this.#trialOf(candidate, latencyMs);
    if (trial) {
      if (--trial.underWay === 0) trial.begun = 0;
      if (result === 'failed') trial.answered = 0;
    }
    this.#balancer.ended?.(candidate, latencyMs, result);
  }

  /** The trial that a call belongs to; one from before, when it was there already, belongs to none. */
  #trialOf(candidate: Candidate, latencyMs: number): Trial | undefined {
    const trial = this.#trials.get(candidate);
    return trial && this.#clock.now() - latencyMs >= trial.since - ROUNDING_MS && trial.underWay > 0
      ? trial
      : undefined;
  }
}

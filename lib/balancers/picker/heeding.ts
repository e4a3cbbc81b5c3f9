import type { AvoidCandidate, Balancer, CallResult, Candidate } from '../balancer.js';

/** How often a balancer that takes no notice of whom to avoid is asked for another one. */
const TIMES = 8;

/**
 * Sees to it that a balancer, perhaps somebody's own, picks nobody who has left and nobody who is to be avoided.
 *
 * Where it picks one to avoid all the same, any other one is taken.
 */
export class Heeding implements Balancer {
  readonly #balancer: Balancer;
  readonly #candidates = new Set<Candidate>();

  constructor(balancer: Balancer) {
    this.#balancer = balancer;
  }

  add(candidate: Candidate): void {
    this.#candidates.add(candidate);
    this.#balancer.add(candidate);
  }

  remove(candidate: Candidate): void {
    this.#candidates.delete(candidate);
    this.#balancer.remove(candidate);
  }

  changed(candidate: Candidate): void {
    this.#balancer.changed?.(candidate);
  }

  pick(key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const picked = this.#ask(key, avoid);
    if (!avoid || !picked || !avoid(picked)) return picked;
    for (let time = 0; time < TIMES; time++) {
      const other = this.#ask(key, avoid);
      if (other && !avoid(other)) return other;
    }
    const others = [...this.#candidates].filter((candidate) => !avoid(candidate));
    return others.find(({ weight }) => weight > 0) ?? others[0];
  }

  started(candidate: Candidate): void {
    this.#balancer.started?.(candidate);
  }

  answered(candidate: Candidate, latencyMs: number): void {
    this.#balancer.answered?.(candidate, latencyMs);
  }

  ended(candidate: Candidate, latencyMs: number, result: CallResult): void {
    this.#balancer.ended?.(candidate, latencyMs, result);
  }

  #ask(key: string | undefined, avoid: AvoidCandidate | undefined): Candidate | undefined {
    const picked = this.#balancer.pick(key, avoid);
    return picked && this.#candidates.has(picked) ? picked : undefined;
  }
}

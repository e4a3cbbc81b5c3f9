import type { MonoTypeOperatorFunction } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { drive } from './drive.js';
import { IndexedHeap } from './indexedHeap.js';
import { count, optionsObject } from './options.js';
import { rendezvousScore } from './rendezvousScore.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';

/** How many instances {@link subset} keeps, and for whom. */
export interface SubsetOptions {
  /** The most instances that are kept. */
  readonly size: number;
  /** Who chooses: a name that this client keeps when it restarts, and shares with no other one. */
  readonly by: string;
}

/**
 * Keeps a few instances of many, each client its own few: so that not everybody is connected to everybody.
 *
 * ```text
 *  sets                            --abcdef----abdef----abdefg--
 *  subset({ size: 3, by: 'me' })   --bce-------bde--------------
 * ```
 *
 * Rendezvous hashing: a client is drawn to every key by so much, and keeps those it is drawn to most. The same client and
 * the same instances give the same choice, in every process and in whatever order they came. When an instance goes, only the
 * clients that had chosen it choose another one; one that comes takes at most one place of each client. Clients are spread
 * over the instances as by lot, not evenly: of `n` instances each gets `clients · size / n`, give or take its root.
 *
 * Emits a set for every one of the source that changes what is kept, the first one always. An instance that comes, changes or
 * goes costs O(log n). Cold if the source is; completes and errors with it.
 *
 * Source: Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996.
 *
 * @throws InvalidOptionError if `size` is no whole number above 0, or `by` is empty.
 *
 * @example
 * ```ts
 * registry.instances(query).pipe(subset({ size: 20, by: hostname() }));
 * ```
 */
export function subset(options: SubsetOptions): MonoTypeOperatorFunction<InstanceSet> {
  optionsObject(options, 'an object with size and by');
  const size = count('size', options.size);
  const { by } = options;
  if (typeof by !== 'string' || by === '') throw new InvalidOptionError('by', 'the name of the client', by);
  const score = rendezvousScore(by);
  return drive(() => new Choice(size, score));
}

interface Candidate {
  readonly key: string;
  readonly score: number;
  readonly instance: ServiceUrl;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  return a.score > b.score || (a.score === b.score && a.key > b.key);
}

class Choice implements SetMachine<InstanceSet> {
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  readonly #size: number;
  readonly #score: (key: string) => number;
  /** The worst first: who goes if a better one comes. */
  readonly #chosen = new IndexedHeap<Candidate>((a, b) => isBetter(b, a));
  /** The best first: who comes if one of the chosen goes. */
  readonly #others = new IndexedHeap<Candidate>(isBetter);

  constructor(size: number, score: (key: string) => number) {
    this.#size = size;
    this.#score = score;
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  take(set: InstanceSet): boolean {
    const isFirst = !this.#source.hasBegun;
    const entries = new Map<string, ServiceUrl | undefined>();
    for (const { key, after } of this.#source.follow(set)) {
      const home = this.#chosen.get(key) ? this.#chosen : this.#others;
      if (home === this.#chosen) entries.set(key, after);
      if (after) home.put({ key, score: home.get(key)?.score ?? this.#score(key), instance: after });
      else home.remove(key);
    }
    while (this.#chosen.size < this.#size && this.#others.first) this.#choose(this.#others.shift()!, entries);
    while (this.#others.first && isBetter(this.#others.first, this.#chosen.first!)) {
      const worst = this.#chosen.shift()!;
      entries.set(worst.key, undefined);
      this.#choose(this.#others.shift()!, entries);
      this.#others.put(worst);
    }
    return this.#ledger.write(entries).length > 0 || isFirst;
  }

  #choose(candidate: Candidate, entries: Map<string, ServiceUrl | undefined>): void {
    this.#chosen.put(candidate);
    entries.set(candidate.key, candidate.instance);
  }
}

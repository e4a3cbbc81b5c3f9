import type { MonoTypeOperatorFunction } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { type HeapItem, IndexedHeap } from '../internal/indexedHeap.js';
import { drive } from './drive.js';
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

interface Candidate extends HeapItem {
  readonly key: string;
  readonly score: number;
  instance: ServiceUrl;
  isChosen: boolean;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  return a.score > b.score || (a.score === b.score && a.key > b.key);
}

class Choice implements SetMachine<InstanceSet> {
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  readonly #size: number;
  readonly #score: (key: string) => number;
  readonly #candidates = new Map<string, Candidate>();
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
      const known = this.#candidates.get(key);
      if (known?.isChosen) entries.set(key, after);
      if (known && after) known.instance = after;
      else if (known) this.#remove(known);
      else if (after) this.#add({ key, score: this.#score(key), instance: after, isChosen: false, position: -1 });
    }
    for (let best = this.#others.first; best && this.#isWanted(best); best = this.#others.first) {
      const worst = this.#chosen.size < this.#size ? undefined : this.#chosen.first!;
      if (worst) this.#move(worst, entries);
      this.#move(best, entries);
    }
    return this.#ledger.write(entries).length > 0 || isFirst;
  }

  #add(candidate: Candidate): void {
    this.#candidates.set(candidate.key, candidate);
    this.#others.push(candidate);
  }

  #remove(candidate: Candidate): void {
    this.#candidates.delete(candidate.key);
    this.#homeOf(candidate).remove(candidate);
  }

  #isWanted(candidate: Candidate): boolean {
    return this.#chosen.size < this.#size || isBetter(candidate, this.#chosen.first!);
  }

  /** Chooses one, or one of the chosen no longer. */
  #move(candidate: Candidate, entries: Map<string, ServiceUrl | undefined>): void {
    this.#homeOf(candidate).remove(candidate);
    candidate.isChosen = !candidate.isChosen;
    this.#homeOf(candidate).push(candidate);
    entries.set(candidate.key, candidate.isChosen ? candidate.instance : undefined);
  }

  #homeOf({ isChosen }: Candidate): IndexedHeap<Candidate> {
    return isChosen ? this.#chosen : this.#others;
  }
}

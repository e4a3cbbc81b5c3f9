import type { InstanceSet } from '../instances/index.js';
import { Retold } from './retold.js';

/** What is told of one part. */
export type FailoverInput =
  /** What it knows. */
  | { readonly type: 'set'; readonly part: number; readonly set: InstanceSet }
  /** Whether it is down: its session is over, or it refuses us, and so what it knows is of the past. */
  | { readonly type: 'down'; readonly part: number; readonly isDown: boolean };

interface Part {
  set: InstanceSet | undefined;
  isDown: boolean;
  /** Since when it could be chosen. */
  goodSince: number | undefined;
}

/** How a {@link Failover} chooses. */
export interface FailoverSettings {
  readonly stableMs: number;
  readonly treatEmptyAsDown: boolean;
}

/**
 * One part of several at a time: the first that is known, until it is down and another one is not; back to an earlier one once that
 * has been good for `stableMs`. Where all are down, the last one stays with what it knows.
 */
export class Failover {
  readonly #settings: FailoverSettings;
  readonly #parts: readonly Part[];
  readonly #retold = new Retold();
  #active: number | undefined;

  /** @param parts - How many there are, the first one first in order. */
  constructor(parts: number, settings: FailoverSettings) {
    this.#settings = settings;
    this.#parts = Array.from({ length: parts }, () => ({ set: undefined, isDown: false, goodSince: undefined }));
  }

  /** What the part that is active knows. */
  get set(): InstanceSet {
    return this.#retold.set;
  }

  /** Which part is active. */
  get active(): number | undefined {
    return this.#active;
  }

  /** When an earlier part has been good for long enough. */
  get dueMs(): number | undefined {
    const good = this.#earlier.flatMap(({ goodSince }) => goodSince ?? []);
    return good.length > 0 ? Math.min(...good) + this.#settings.stableMs : undefined;
  }

  /** Takes an input in; returns whether there is a set to tell. */
  take(input: FailoverInput, nowMs: number): boolean {
    const part = this.#parts[input.part]!;
    if (input.type === 'set') part.set = input.set;
    else part.isDown = input.isDown;
    part.goodSince = this.#isGood(part) ? (part.goodSince ?? nowMs) : undefined;
    return this.#choose(nowMs);
  }

  /** Goes back to an earlier part that is due. */
  wake(nowMs: number): boolean {
    return this.#choose(nowMs);
  }

  get #earlier(): readonly Part[] {
    return this.#parts.slice(0, this.#active ?? 0);
  }

  #isGood({ set, isDown }: Part): boolean {
    // What was kept is of the past.
    return set?.origin === 'registry' && !isDown && !(this.#settings.treatEmptyAsDown && set.size === 0);
  }

  #choose(nowMs: number): boolean {
    const before = this.#active;
    const isStable = ({ goodSince }: Part): boolean =>
      goodSince !== undefined && nowMs >= goodSince + this.#settings.stableMs;
    const known = this.#active === undefined ? undefined : this.#parts[this.#active];
    const stable = this.#earlier.findIndex(isStable);
    if (stable >= 0) this.#active = stable;
    else if (!known || !this.#isGood(known)) {
      const other = this.#parts.findIndex((part) => this.#isGood(part));
      // One that is empty, or down already, is better than not to say anything; but not before the others could say something.
      const isWaiting = this.#parts.some(({ set, isDown }) => set === undefined && !isDown);
      const any = known || isWaiting ? -1 : this.#parts.findIndex(({ set }) => set !== undefined);
      this.#active = other >= 0 ? other : any >= 0 ? any : this.#active;
    }
    if (this.#active === undefined) return false;
    return this.#retold.tell(this.#parts[this.#active]!.set!) || before === undefined;
  }
}

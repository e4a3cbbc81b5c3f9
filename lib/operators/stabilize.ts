import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { drive } from './drive.js';
import { milliseconds, optionsObject } from './options.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';

/** How {@link stabilize} waits. */
export interface StabilizeOptions {
  /** How long an instance must be gone before it is told, in milliseconds; 0 tells it at once. */
  readonly removeAfterMs: number;
  /** Measures the wait. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Lets what comes and changes pass at once, and what goes only when it has stayed away.
 *
 * ```text
 *  sets                             --ab--b--ab-----b--bc-----------|
 *  stabilize({ removeAfterMs: 8 })  --ab---------------abc--bc------|
 * ```
 *
 * An instance that comes back in time was never gone, however often it does so; one that comes back changed is told as
 * changed, at once. So a set never lacks what the source has, and is the source's when that has been quiet for
 * `removeAfterMs`. Those that went together are told together. There is one timer, whatever waits, and none while nothing
 * does.
 *
 * Emits the first set at once, and then what differs from the last one told. Cold if the source is. When the source
 * completes, what waits goes at once, as nothing can come back any more; errors pass at once. Unsubscribing stops the wait.
 *
 * Source: Finagle's `Stabilizer` folds additions at once and removals by epochs; here each removal has its own moment.
 *
 * @throws InvalidOptionError if `removeAfterMs` is no number of milliseconds.
 *
 * @example
 * ```ts
 * registry.instances(query).pipe(stabilize({ removeAfterMs: 10_000 }));
 * ```
 */
export function stabilize(options: StabilizeOptions): MonoTypeOperatorFunction<InstanceSet> {
  optionsObject(options, 'an object with removeAfterMs');
  const removeAfterMs = milliseconds('removeAfterMs', options.removeAfterMs);
  return drive(() => new Stabilizer(removeAfterMs), { scheduler: options.scheduler });
}

class Stabilizer implements SetMachine<InstanceSet> {
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  /** When who has gone is told: as all wait equally long, who is first is due first. */
  readonly #gone = new Map<string, number>();
  readonly #removeAfterMs: number;

  constructor(removeAfterMs: number) {
    this.#removeAfterMs = removeAfterMs;
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  get dueMs(): number | undefined {
    for (const dueMs of this.#gone.values()) return dueMs;
    return undefined;
  }

  take(set: InstanceSet, nowMs: number): boolean {
    const isFirst = !this.#source.hasBegun;
    const changes = this.#source.follow(set);
    for (const { key, after } of changes) {
      if (after) this.#gone.delete(key);
      else this.#gone.set(key, nowMs + this.#removeAfterMs);
    }
    const present = changes.flatMap(({ key, after }) => (after ? [[key, after] as const] : []));
    return this.#ledger.write([...present, ...this.#due(nowMs)]).length > 0 || isFirst;
  }

  wake(nowMs: number): boolean {
    return this.#ledger.write(this.#due(nowMs)).length > 0;
  }

  end(): boolean {
    return this.wake(Infinity);
  }

  *#due(nowMs: number): Generator<readonly [key: string, instance: undefined]> {
    for (const [key, dueMs] of this.#gone) {
      if (dueMs > nowMs) return;
      this.#gone.delete(key);
      yield [key, undefined];
    }
  }
}

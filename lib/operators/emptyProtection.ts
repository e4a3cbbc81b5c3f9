import {
  defer,
  distinctUntilChanged,
  EMPTY,
  map,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
  Subject,
  switchMap,
  tap,
} from 'rxjs';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { drive } from './drive.js';
import { optionsObject, positiveMs, share } from './options.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';

/** When {@link emptyProtection} holds on to what it has, and until when. */
export interface EmptyProtectionOptions {
  /** The longest time that a removal is held back, in milliseconds: a true one is told when it is over. */
  readonly holdMs: number;
  /**
   * Holds back also when less than this share of what there was is left after one change; what comes in small steps
   * passes, see {@link coalesce}. @defaultValue 0: only when nothing is left
   */
  readonly minShare?: number | undefined;
  /**
   * Anything it emits says that the removal is true, and lets it pass before the time. Subscribed to while something is held
   * back, only then.
   */
  readonly evidence?: Observable<unknown> | undefined;
  /** Measures the time. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Does not believe at once that all are gone: keeps those it had, for a bounded time.
 *
 * ```text
 *  sets                             --ab--.--b---.-------------c--|    .: nobody
 *  emptyProtection({ holdMs: 10 })  --ab-----b-------------.---c--|
 * ```
 *
 * While it holds, those who went stay, and who comes or changes is told at once. As soon as the source has enough again,
 * its set passes as it is. Else it passes when the first unbelievable set is `holdMs` old, however often the source
 * changed in between, or when `evidence` says so. What has passed is believed: the next removal is measured by it. The
 * first set passes, also an empty one.
 *
 * A pipeline has this protection only if this operator is in it: `registry.instances` tells a removal of the last instance
 * when the registry says so, and never for an outage. It is for registries that lose what they were told.
 *
 * Cold if the source is. When the source completes, what is held back passes at once; errors, also those of `evidence`, pass
 * at once. Unsubscribing stops the wait.
 *
 * @throws InvalidOptionError if `holdMs` is no number of milliseconds from 1 up, or `minShare` is not from 0 to 1.
 *
 * @example
 * ```ts
 * // A call that failed since then is evidence that they are truly gone.
 * const evidence = meter.outcomes.pipe(filter(({ ok }) => !ok));
 * registry.instances(query).pipe(emptyProtection({ holdMs: 60_000, minShare: 0.2, evidence }));
 * ```
 */
export function emptyProtection(options: EmptyProtectionOptions): MonoTypeOperatorFunction<InstanceSet> {
  optionsObject(options, 'an object with holdMs');
  const holdMs = positiveMs('holdMs', options.holdMs);
  const minShare = share('minShare', options.minShare, 0);
  const { evidence = EMPTY, scheduler } = options;
  return (source) =>
    defer(() => {
      const holds = new Subject<boolean>();
      const proofs = holds.pipe(
        distinctUntilChanged(),
        switchMap((isHolding) => (isHolding ? evidence : EMPTY)),
        map(() => undefined),
      );
      return merge(
        proofs,
        source.pipe(
          tap({
            complete: () => {
              holds.next(false);
              holds.complete();
            },
          }),
        ),
      ).pipe(
        drive(() => new Doubter(holdMs, minShare), {
          scheduler,
          tell: ({ dueMs }) => holds.next(dueMs !== undefined),
        }),
      );
    });
}

/** Takes sets in, and `undefined` for a proof. */
class Doubter implements SetMachine<InstanceSet | undefined> {
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  readonly #held = new Set<string>();
  readonly #holdMs: number;
  readonly #minShare: number;
  #believed = 0;
  #dueMs: number | undefined;

  constructor(holdMs: number, minShare: number) {
    this.#holdMs = holdMs;
    this.#minShare = minShare;
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  get dueMs(): number | undefined {
    return this.#dueMs;
  }

  take(set: InstanceSet | undefined, nowMs: number): boolean {
    if (!set) return this.#believe();
    const isFirst = !this.#source.hasBegun;
    const changes = this.#source.follow(set);
    if (this.#isBelievable(this.#source.size)) {
      const passed = [...this.#letGo(), ...changes.map(({ key, after }) => [key, after] as const)];
      return this.#ledger.write(passed).length > 0 || isFirst;
    }
    this.#dueMs ??= nowMs + this.#holdMs;
    for (const { key, after } of changes) {
      if (after) this.#held.delete(key);
      else this.#held.add(key);
    }
    return this.#ledger.write(changes.flatMap(({ key, after }) => (after ? [[key, after] as const] : []))).length > 0;
  }

  wake(): boolean {
    return this.#believe();
  }

  end(): boolean {
    return this.#believe();
  }

  #isBelievable(size: number): boolean {
    return this.#believed === 0 || (size > 0 && size >= this.#minShare * this.#believed);
  }

  #believe(): boolean {
    return this.#ledger.write(this.#letGo()).length > 0;
  }

  #letGo(): (readonly [key: string, instance: undefined])[] {
    const held = [...this.#held].map((key) => [key, undefined] as const);
    this.#held.clear();
    this.#dueMs = undefined;
    this.#believed = this.#source.size;
    return held;
  }
}

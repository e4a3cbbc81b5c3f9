import { connect, map, merge, type MonoTypeOperatorFunction, type Observer } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { optionsObject, share } from '../internal/options.js';
import { drive } from './drive.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';

/** Whether health is ignored, and the numbers that say so. */
export interface PanicState {
  readonly panicking: boolean;
  /** How many instances are healthy. */
  readonly healthy: number;
  /** How many there are. */
  readonly known: number;
}

/** When {@link panic} panics, and who is told. */
export interface PanicOptions {
  /** Panics when less than this share is healthy; 0 for never. @defaultValue 0.5 */
  readonly threshold?: number | undefined;
  /** Calms down when at least this share is healthy. @defaultValue `threshold` */
  readonly recoverAt?: number | undefined;
  /** Told of the state at the first set and whenever it changes, before the set: a `BehaviorSubject`, for instance. */
  readonly panics?: Pick<Observer<PanicState>, 'next'> | undefined;
}

/**
 * Leaves out who is not healthy, but not when that leaves too few: then health is ignored, and all are kept.
 *
 * ```text
 *  sets                           --abcd----------------abc---|
 *  health                         --abcd--bcd--cd--c----------|
 *  panic(health)                  --abcd--bcd--cd--abcd-abc---|    threshold: 0.5
 *  panics                         --f--------------t-----------    t: panicking
 * ```
 *
 * When half of the instances seem to fail, it is more likely that the judge is wrong (our own network, an overload that spreads
 * to whoever is left) than that they all are; and the few that are left could not carry the load of all.
 *
 * `health` is one operator or several (`pipe(a, b)`) that leave instances out: {@link ejectOutliers}, {@link where}. It is run on
 * the source, and its result is compared with the source. In a panic the healthy are as `health` tells them, the others as the
 * source does. A panic begins and ends when the shares say so, at no set of the source or at any. Where nobody is there, there
 * is no panic.
 *
 * Emits once both the source and `health` have told a set, and then whatever changes what is kept: a change of the source that
 * `health` answers at once is one set. A change costs as much as it changes, the begin and the end of a panic as much as there
 * are unhealthy ones. Subscribes to the source once. Completes when both have completed, errors with either; unsubscribing
 * unsubscribes both.
 *
 * Source: Envoy's panic threshold.
 *
 * @param health - Leaves out who is not healthy.
 * @throws InvalidOptionError if a share is not from 0 to 1, or `recoverAt` is below `threshold`.
 *
 * @example
 * ```ts
 * const panics = new Subject<PanicState>();
 * registry.instances(query).pipe(
 *   stabilize({ removeAfterMs: 10_000 }),
 *   panic(ejectOutliers(meter.outcomes), { threshold: 0.5, panics }),
 * );
 * panics.subscribe(({ panicking, healthy, known }) => console.warn(panicking, `${healthy} of ${known}`));
 * ```
 */
export function panic(
  health: MonoTypeOperatorFunction<InstanceSet>,
  options: PanicOptions = {},
): MonoTypeOperatorFunction<InstanceSet> {
  optionsObject(options);
  if (typeof health !== 'function') throw new InvalidOptionError('health', 'an operator on instance sets', health);
  const threshold = share('threshold', options.threshold, 0.5);
  const recoverAt = share('recoverAt', options.recoverAt, threshold);
  if (recoverAt < threshold) {
    throw new InvalidOptionError('recoverAt', `a number from \`threshold\` (${threshold}) up`, recoverAt);
  }
  return (source) =>
    source.pipe(
      connect((sets) =>
        // In this order: `settled` is told when `health` has answered, if it answers at once.
        merge(
          sets.pipe(map((set): PanicInput => ({ type: 'known', set }))),
          sets.pipe(
            health,
            map((set): PanicInput => ({ type: 'healthy', set })),
          ),
          sets.pipe(map((set): PanicInput => ({ type: 'settled', set }))),
        ),
      ),
      drive(() => new PanicMachine(threshold, recoverAt), {
        tell: (machine) => {
          for (const state of machine.takeNews()) options.panics?.next(state);
        },
        // Not before what it makes of the set is known.
        setOf: ({ type, set }) => (type === 'settled' ? set : undefined),
      }),
    );
}

interface PanicInput {
  readonly type: 'known' | 'healthy' | 'settled';
  readonly set: InstanceSet;
}

class PanicMachine implements SetMachine<PanicInput> {
  readonly #threshold: number;
  readonly #recoverAt: number;
  readonly #sources = { known: new SetFollower(), healthy: new SetFollower() };
  readonly #instances = { known: new Map<string, ServiceUrl>(), healthy: new Map<string, ServiceUrl>() };
  readonly #unhealthy = new Set<string>();
  readonly #touched = new Set<string>();
  readonly #ledger = new InstanceLedger();
  #isSettling = false;
  #panicking: boolean | undefined;
  #news: PanicState[] = [];

  constructor(threshold: number, recoverAt: number) {
    this.#threshold = threshold;
    this.#recoverAt = recoverAt;
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  takeNews(): readonly PanicState[] {
    const news = this.#news;
    if (news.length > 0) this.#news = [];
    return news;
  }

  take(input: PanicInput): boolean {
    if (input.type === 'settled') this.#isSettling = false;
    else this.#follow(input.type, input.set);
    if (input.type === 'known') this.#isSettling = true;
    return !this.#isSettling && this.#judge();
  }

  #follow(type: 'known' | 'healthy', set: InstanceSet): void {
    const { known, healthy } = this.#instances;
    for (const { key, after } of this.#sources[type].follow(set)) {
      if (after) this.#instances[type].set(key, after);
      else this.#instances[type].delete(key);
      if (known.has(key) && !healthy.has(key)) this.#unhealthy.add(key);
      else this.#unhealthy.delete(key);
      this.#touched.add(key);
    }
  }

  #judge(): boolean {
    if (!this.#sources.known.hasBegun || !this.#sources.healthy.hasBegun) return false;
    const { known, healthy } = this.#instances;
    const before = this.#panicking;
    const sizes = { healthy: known.size - this.#unhealthy.size, known: known.size };
    // Of nobody the share is no number, and that is never less.
    const part = sizes.healthy / sizes.known;
    this.#panicking = part < (before ? this.#recoverAt : this.#threshold);
    if (this.#panicking !== before) {
      for (const key of this.#unhealthy) this.#touched.add(key);
      this.#news.push({ panicking: this.#panicking, ...sizes });
    }
    const entries = [...this.#touched].map(
      (key) => [key, healthy.get(key) ?? (this.#panicking ? known.get(key) : undefined)] as const,
    );
    this.#touched.clear();
    return this.#ledger.write(entries).length > 0 || before === undefined;
  }
}

import { asyncScheduler, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { drive } from './drive.js';
import { optionsObject, positiveMs } from './options.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';

/** How {@link warmUp} lets weights rise. */
export interface WarmUpOptions {
  /** How long an instance takes that does not say it itself (`warmup`), in milliseconds. @defaultValue 600000 */
  readonly durationMs?: number | undefined;
  /** How often weights rise, in milliseconds. @defaultValue 1000 */
  readonly tickMs?: number | undefined;
  /** Measures the time, and tells the time of day. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Gives an instance that has just started little to do at first: its `weight` rises from 1 to what it says, step by step.
 *
 * ```text
 *  sets        --a---ab---------------    a: started long ago, b: just now
 *  warmUp()    --a---ab---ab---ab---ab
 *  weight of b       1----33---66---100
 * ```
 *
 * Dubbo's rule: the weight (`weight`, or else 100) times the share that has passed of the time to warm up (`warmup`, or else
 * `durationMs`) since the start (`timestamp`, in milliseconds, or in seconds as Go writes it), rounded down, at least 1. An
 * instance without `timestamp`, or with weight 0, is left alone. Other than in Dubbo the provider's clock is not trusted: who
 * claims to start in the future starts when we first see it, and from then on only our own clock counts.
 *
 * Warming instances are copies with another `weight`; a warm one is the object of the source. Emits for every set of the
 * source, and at every tick that raises a weight; there are ticks only while an instance is warming, and a tick costs as much
 * as there are of those. Put it after what chooses, so that what is not chosen costs nothing. Cold if the source is. When the
 * source completes, it is told with full weights; errors pass at once. Unsubscribing stops the ticks.
 *
 * Source: Dubbo's `AbstractLoadBalance.getWeight`.
 *
 * @throws InvalidOptionError if `durationMs` or `tickMs` is no number of milliseconds from 1 up.
 *
 * @example
 * ```ts
 * registry.instances(query).pipe(subset({ size: 20, by: clientId }), warmUp({ durationMs: 120_000 }));
 * ```
 */
export function warmUp(options: WarmUpOptions = {}): MonoTypeOperatorFunction<InstanceSet> {
  optionsObject(options);
  const durationMs = positiveMs('durationMs', options.durationMs, 600_000);
  const tickMs = positiveMs('tickMs', options.tickMs, 1_000);
  const { scheduler = asyncScheduler } = options;
  return drive(() => new Warmer(durationMs, tickMs, () => scheduler.now()), { scheduler });
}

const DEFAULT_WEIGHT = 100;

/** A time in milliseconds is not so low, and one in seconds not so high, within thousands of years. */
const SECONDS_BELOW = 100_000_000_000;

/**
 * The weight that an instance has while it warms up.
 *
 * @param weight - Its weight when it is warm.
 * @param share - How much of the time to warm up has passed.
 */
export function warmingWeight(weight: number, share: number): number {
  return share >= 1 ? weight : Math.max(1, Math.floor(weight * share));
}

interface Warming {
  readonly instance: ServiceUrl;
  readonly startedMs: number;
  readonly durationMs: number;
  readonly weight: number;
  /** The instance as it was told last. */
  told: { readonly weight: number; readonly instance: ServiceUrl } | undefined;
}

class Warmer implements SetMachine<InstanceSet> {
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  readonly #warming = new Map<string, Warming>();
  readonly #durationMs: number;
  readonly #tickMs: number;
  readonly #timeOfDay: () => number;
  #dueMs: number | undefined;

  constructor(durationMs: number, tickMs: number, timeOfDay: () => number) {
    this.#durationMs = durationMs;
    this.#tickMs = tickMs;
    this.#timeOfDay = timeOfDay;
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  get dueMs(): number | undefined {
    return this.#dueMs;
  }

  take(set: InstanceSet, nowMs: number): boolean {
    const isFirst = !this.#source.hasBegun;
    const entries = this.#source.follow(set).map(({ key, before, after }) => {
      const warming = after && this.#warmingOf(key, before, after, nowMs);
      if (!warming) {
        this.#warming.delete(key);
        return [key, after] as const;
      }
      this.#warming.set(key, warming);
      return [key, weighted(warming, nowMs)] as const;
    });
    this.#dueMs = this.#warming.size > 0 ? (this.#dueMs ?? nowMs + this.#tickMs) : undefined;
    return this.#ledger.write(entries).length > 0 || isFirst;
  }

  wake(nowMs: number): boolean {
    const entries = [...this.#warming].map(([key, warming]) => {
      const isWarm = nowMs >= warming.startedMs + warming.durationMs;
      if (isWarm) this.#warming.delete(key);
      return [key, isWarm ? warming.instance : weighted(warming, nowMs)] as const;
    });
    this.#dueMs = this.#warming.size > 0 ? nowMs + this.#tickMs : undefined;
    return this.#ledger.write(entries).length > 0;
  }

  end(): boolean {
    return this.wake(Infinity);
  }

  #warmingOf(key: string, before: ServiceUrl | undefined, instance: ServiceUrl, nowMs: number): Warming | undefined {
    const weight = numberOf(instance, 'weight') ?? DEFAULT_WEIGHT;
    const timestamp = numberOf(instance, 'timestamp') ?? 0;
    const durationMs = numberOf(instance, 'warmup') ?? this.#durationMs;
    if (weight < 2 || timestamp <= 0) return undefined;
    const isSameStart = before !== undefined && numberOf(before, 'timestamp') === timestamp;
    const startedMs = isSameStart ? this.#warming.get(key)?.startedMs : this.#startOf(timestamp, nowMs);
    if (startedMs === undefined || nowMs >= startedMs + durationMs) return undefined;
    return { instance, startedMs, durationMs, weight, told: undefined };
  }

  #startOf(timestamp: number, nowMs: number): number {
    const uptimeMs = this.#timeOfDay() - (timestamp < SECONDS_BELOW ? timestamp * 1_000 : timestamp);
    return nowMs - Math.max(0, uptimeMs);
  }
}

function weighted(warming: Warming, nowMs: number): ServiceUrl {
  const { instance, startedMs, durationMs, told } = warming;
  const weight = warmingWeight(warming.weight, (nowMs - startedMs) / durationMs);
  if (told?.weight === weight) return told.instance;
  warming.told = { weight, instance: instance.with({ parameters: { weight: String(weight) } }) };
  return warming.told.instance;
}

/** What Java would refuse to read counts as not said. */
function numberOf(instance: ServiceUrl, name: string): number | undefined {
  const text = instance.parameter(name);
  return text !== undefined && /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

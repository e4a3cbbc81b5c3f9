import type { ServiceUrl } from '../dubbo/index.js';
import { InstanceLedger, InstanceSet } from '../instances/index.js';
import { type HeapItem, IndexedHeap } from '../internal/indexedHeap.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';

/** What came of a call to an instance. */
export interface Outcome {
  readonly key: string;
  readonly ok: boolean;
}

/** Something that happened to an instance that is or was ejected. */
export type Ejection =
  /** It is left out, for so many milliseconds. */
  | {
      readonly type: 'ejected';
      readonly key: string;
      readonly instance: ServiceUrl;
      readonly reason: 'consecutive-failures' | 'success-rate';
      readonly forMs: number;
    }
  /** It is back: its time is over, or else too great a share would be left out. */
  | { readonly type: 'readmitted'; readonly key: string; readonly instance: ServiceUrl }
  /** It left while it was ejected; if it comes back it starts anew. */
  | { readonly type: 'left'; readonly key: string; readonly instance: ServiceUrl };

/** When a {@link OutlierDetector} ejects, and for how long. */
export interface OutlierLimits {
  readonly consecutiveFailures: number;
  readonly intervalMs: number;
  readonly minHosts: number;
  readonly minRequests: number;
  readonly deviations: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectedShare: number;
}

interface Health {
  /** Failures since the last success. */
  failures: number;
  /** Calls and successes in this interval. */
  calls: number;
  successes: number;
  /** Whether it was in the set when this interval began. */
  servedFromStart: boolean;
  /** How often it was ejected, less the intervals that it has served in since. */
  ejections: number;
}

interface Ejected extends HeapItem {
  readonly key: string;
  instance: ServiceUrl;
  readonly untilMs: number;
}

interface Rated {
  readonly key: string;
  /** Successes of all calls, from 0 to 1. */
  readonly rate: number;
}

function newHealth(): Health {
  return { failures: 0, calls: 0, successes: 0, servedFromStart: true, ejections: 0 };
}

/**
 * Whether an instance has earned a shorter ejection in this interval: it was in the set from the beginning to the end, was
 * called, and answered at least half of its calls.
 */
function hasServed({ servedFromStart, calls, successes }: Health): boolean {
  return servedFromStart && calls > 0 && 2 * successes >= calls;
}

/** Keeps the instances of a set that are not ejected; takes sets and outcomes in. */
export class OutlierDetector implements SetMachine<InstanceSet | Outcome> {
  readonly #limits: OutlierLimits;
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  /** Of those only that there is something to remember of. */
  readonly #health = new Map<string, Health>();
  readonly #ejected = new Map<string, Ejected>();
  /** Whose turn to be readmitted is next first. */
  readonly #turns = new IndexedHeap<Ejected>((a, b) => a.untilMs < b.untilMs);
  #intervalEndsMs: number | undefined;
  #news: Ejection[] = [];

  constructor(limits: OutlierLimits) {
    this.#limits = limits;
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  get dueMs(): number | undefined {
    const readmissionMs = this.#turns.first?.untilMs;
    return readmissionMs === undefined || this.#intervalEndsMs === undefined
      ? (readmissionMs ?? this.#intervalEndsMs)
      : Math.min(readmissionMs, this.#intervalEndsMs);
  }

  /** What happened since this was last asked. */
  takeNews(): readonly Ejection[] {
    const news = this.#news;
    if (news.length > 0) this.#news = [];
    return news;
  }

  take(input: InstanceSet | Outcome, nowMs: number): boolean {
    return input instanceof InstanceSet ? this.#takeSet(input) : this.#takeOutcome(input, nowMs);
  }

  wake(nowMs: number): boolean {
    const entries = new Map<string, ServiceUrl | undefined>();
    while (this.#turns.first && this.#turns.first.untilMs <= nowMs) this.#readmit(entries);
    const changed = this.#write(entries);
    return this.#intervalEndsMs !== undefined && this.#intervalEndsMs <= nowMs
      ? this.#sweep(nowMs) || changed
      : changed;
  }

  #takeSet(set: InstanceSet): boolean {
    const isFirst = !this.#source.hasBegun;
    const entries = new Map<string, ServiceUrl | undefined>();
    for (const { key, after } of this.#source.follow(set)) {
      const ejected = this.#ejected.get(key);
      if (after && ejected) {
        ejected.instance = after;
        continue;
      }
      entries.set(key, after);
      if (after) continue;
      this.#health.delete(key);
      if (!ejected) continue;
      this.#forget(ejected);
      this.#news.push({ type: 'left', key, instance: ejected.instance });
    }
    while (this.#ejected.size > this.#most) this.#readmit(entries);
    return this.#write(entries) || isFirst;
  }

  #takeOutcome({ key, ok }: Outcome, nowMs: number): boolean {
    // Calls that were under way when it was ejected tell nothing new.
    if (!this.#ledger.get(key)) return false;
    const health = this.#health.get(key) ?? newHealth();
    this.#health.set(key, health);
    this.#intervalEndsMs ??= nowMs + this.#limits.intervalMs;
    health.calls += 1;
    health.successes += Number(ok);
    health.failures = ok ? 0 : health.failures + 1;
    if (health.failures < this.#limits.consecutiveFailures) return false;
    const entries = new Map<string, ServiceUrl | undefined>();
    this.#eject(key, 'consecutive-failures', nowMs, entries);
    return this.#write(entries);
  }

  /** Ends an interval. */
  #sweep(nowMs: number): boolean {
    const { minHosts, minRequests, deviations } = this.#limits;
    const entries = new Map<string, ServiceUrl | undefined>();
    const rates = [...this.#health]
      .filter(([, { calls }]) => calls >= minRequests)
      .map(([key, { calls, successes }]) => ({ key, rate: successes / calls }));
    if (rates.length >= minHosts) {
      for (const { key } of outliers(rates, deviations)) this.#eject(key, 'success-rate', nowMs, entries);
    }
    this.#intervalEndsMs = undefined;
    for (const [key, health] of this.#health) {
      if (hasServed(health)) health.ejections = Math.max(0, health.ejections - 1);
      health.calls = health.successes = 0;
      health.servedFromStart = !this.#ejected.has(key);
      if (!health.servedFromStart) continue;
      if (health.ejections === 0 && health.failures === 0) this.#health.delete(key);
    }
    return this.#write(entries);
  }

  /** How many may be ejected: the share, but one of several at any rate, or small sets would have no protection. */
  get #most(): number {
    const { size } = this.#source;
    const { maxEjectedShare } = this.#limits;
    const most = Math.floor(maxEjectedShare * size);
    return size > 1 && maxEjectedShare > 0 ? Math.max(1, most) : most;
  }

  #eject(
    key: string,
    reason: 'consecutive-failures' | 'success-rate',
    nowMs: number,
    entries: Map<string, ServiceUrl | undefined>,
  ): void {
    if (this.#ejected.size >= this.#most) return;
    const { baseEjectionMs, maxEjectionMs } = this.#limits;
    const instance = this.#ledger.get(key)!;
    const health = this.#health.get(key)!;
    const forMs = Math.min(maxEjectionMs, baseEjectionMs * 2 ** health.ejections);
    health.failures = health.calls = health.successes = 0;
    health.servedFromStart = false;
    health.ejections += 1;
    const ejected: Ejected = { key, instance, untilMs: nowMs + forMs, position: -1 };
    this.#ejected.set(key, ejected);
    this.#turns.push(ejected);
    entries.set(key, undefined);
    this.#news.push({ type: 'ejected', key, instance, reason, forMs });
  }

  /** Readmits the one whose turn it is. */
  #readmit(entries: Map<string, ServiceUrl | undefined>): void {
    const ejected = this.#turns.first!;
    const { key, instance } = ejected;
    this.#forget(ejected);
    // Where no interval is under way, its next call begins one.
    if (this.#intervalEndsMs === undefined) this.#health.get(key)!.servedFromStart = true;
    entries.set(key, instance);
    this.#news.push({ type: 'readmitted', key, instance });
  }

  #forget(ejected: Ejected): void {
    this.#ejected.delete(ejected.key);
    this.#turns.remove(ejected);
  }

  #write(entries: ReadonlyMap<string, ServiceUrl | undefined>): boolean {
    return entries.size > 0 && this.#ledger.write(entries).length > 0;
  }
}

/** Those whose rate is below the mean by more than so many standard deviations, the worst first. */
export function outliers(rated: readonly Rated[], deviations: number): Rated[] {
  const mean = rated.reduce((sum, { rate }) => sum + rate, 0) / rated.length;
  const variance = rated.reduce((sum, { rate }) => sum + (rate - mean) ** 2, 0) / rated.length;
  const lowest = mean - deviations * Math.sqrt(variance);
  return rated.filter(({ rate }) => rate < lowest).sort((a, b) => a.rate - b.rate || (a.key < b.key ? -1 : 1));
}

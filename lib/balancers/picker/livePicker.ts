import {
  defer,
  lastValueFrom,
  type Observable,
  of,
  type SchedulerLike,
  share,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timeout,
  type TimestampProvider,
} from 'rxjs';
import type { ServiceUrl } from '../../dubbo/index.js';
import { NoInstanceError } from '../../errors.js';
import type { InstanceSet } from '../../instances/index.js';
import { whenAborted } from '../../internal/abort.js';
import { clockOf } from '../../internal/clock.js';
import { INSPECT, type Inspect, inspected } from '../../internal/legible.js';
import { checked, milliseconds, optionsObject, positiveMs, wholeNumber } from '../../internal/options.js';
import type { BalancerFactory } from '../balancer.js';
import type { CallMeter, CallOutcome } from '../callMeter.js';
import { readAvoid } from './avoid.js';
import { callOnce } from './call.js';
import { Choice } from './choice.js';
import { Deadline, type Limit } from './deadline.js';
import { HedgeBudget } from './hedgeBudget.js';
import { hedged } from './hedging.js';
import type { Call, CallOnce, HedgeCounts, HedgeOptions, Picker, PickOptions, UseOptions } from './picker.js';
import { type Member, Roster } from './roster.js';
import { Waiters } from './waiters.js';

/** What a {@link LivePicker} goes by, all of it checked. */
export interface PickerSettings {
  readonly meter: CallMeter;
  readonly startMs: number;
  readonly waitMs: number;
  readonly trialCalls: number;
  readonly maxHedgedShare: number;
  readonly isFailure: (error: unknown) => boolean;
  readonly scheduler: SchedulerLike;
}

/**
 * Where the sets that a picker goes by stand: none yet, some and perhaps more, no more, failed; or none came before nobody was
 * subscribed any more.
 */
type Phase = 'starting' | 'live' | 'resting' | 'failed' | 'left';

/** A picker that is told the sets. */
export class LivePicker implements Picker {
  readonly outcomes: Observable<CallOutcome>;

  readonly #settings: PickerSettings;
  readonly #clock: TimestampProvider;
  readonly #roster: Roster;
  readonly #firstSet = new Subject<void>();
  readonly #waiters = new Waiters();
  readonly #budget: HedgeBudget;
  readonly #hedges = { calls: 0, sent: 0, won: 0, withheld: 0 };
  #phase: Phase = 'starting';
  #failure: unknown;
  /** The set of the moment, for one whose subscriber left before the first one came. */
  readonly #lateSet: Observable<InstanceSet>;

  constructor(balancer: BalancerFactory, settings: PickerSettings, sets: Observable<InstanceSet>) {
    const { meter, scheduler, trialCalls, maxHedgedShare } = settings;
    this.#settings = settings;
    this.#clock = clockOf(scheduler);
    this.#roster = new Roster(balancer, meter, this.#clock, trialCalls, () => this.#waiters.wake());
    this.#budget = new HedgeBudget(maxHedgedShare);
    this.outcomes = meter.outcomes;
    this.#lateSet = sets.pipe(
      take(1),
      tap({
        next: (set) => this.update(set),
        error: (error: unknown) => this.fail(error),
        complete: () => this.rest(),
      }),
      share(),
    );
  }

  get size(): number {
    return this.#roster.size;
  }

  get hedges(): HedgeCounts {
    return { ...this.#hedges };
  }

  pick(key?: string, options?: PickOptions): ServiceUrl | undefined {
    return new Choice(key, readAvoid(options?.avoid)).pickFrom(this.#roster)?.instance;
  }

  use<T>(key: string | undefined, call: Call<T>, options?: UseOptions): Observable<T>;
  use<T>(call: Call<T>, options?: UseOptions): Observable<T>;
  use<T>(...args: Arguments<Call<T>, UseOptions>): Observable<T> {
    const { key, call, options } = readArguments(args);
    return this.#follow(key, options, (first, choice, limit) => this.#call(first, call, choice, limit));
  }

  hedge<T>(key: string | undefined, call: Call<T>, options: HedgeOptions): Observable<T>;
  hedge<T>(call: Call<T>, options: HedgeOptions): Observable<T>;
  hedge<T>(...args: Arguments<Call<T>, HedgeOptions>): Observable<T> {
    const { key, call, options } = readArguments(args);
    const afterMs = milliseconds('afterMs', optionsObject(options as HedgeOptions).afterMs);
    const max = wholeNumber('max', options?.max ?? 2, 1, 100);
    const { scheduler } = this.#settings;
    return this.#follow(key, options, (first, choice, limit) => {
      this.#hedges.calls += 1;
      return hedged<Member, T>(first, {
        afterMs,
        max,
        next: (underWay) => this.#nextHedge(choice, underWay),
        call: (member) => this.#call(member, call, choice, limit),
        won: (place) => (this.#hedges.won += Number(place > 0)),
        scheduler,
      });
    });
  }

  run<T>(key: string | undefined, call: CallOnce<T>, options?: UseOptions): Promise<T>;
  run<T>(call: CallOnce<T>, options?: UseOptions): Promise<T>;
  run<T>(...args: Arguments<CallOnce<T>, UseOptions>): Promise<T> {
    const { key, call, options } = readArguments(args);
    return lastValueFrom(this.use(key, (target, context) => Promise.resolve(call(target, context)), options));
  }

  /** A newer set is there. */
  update(set: InstanceSet): void {
    this.#roster.update(set);
    this.#phase = 'live';
    this.#firstSet.next();
    this.#waiters.wake();
  }

  /** There will be no newer set. */
  rest(): void {
    this.#phase = 'resting';
    this.#roster.rest();
    const nobody = new NoInstanceError('there is none in the last set of instances');
    this.#firstSet.error(nobody);
    if (this.#roster.size === 0) this.#waiters.fail(nobody);
  }

  /** The sets have failed. */
  fail(error: unknown): void {
    this.#failure = error;
    this.#phase = 'failed';
    this.#roster.clear();
    this.#firstSet.error(error);
    this.#waiters.fail(error);
  }

  /** Nobody is subscribed any more: calls go on with the last set. If the sets have ended by themselves that changes nothing. */
  leave(): void {
    if (this.#phase === 'live') return this.rest();
    if (this.#phase !== 'starting') return;
    this.#phase = 'left';
    // Those that wait ask for the set themselves.
    this.#firstSet.next();
  }

  /** What logs may know. */
  toJSON(): { size: number; hedges: HedgeCounts; instances: readonly ServiceUrl[] } {
    return { size: this.size, hedges: this.hedges, instances: this.#roster.instances };
  }

  toString(): string {
    return `Picker(${this.size})`;
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return inspected(`Picker(${this.size})`, this.toJSON(), options, inspect);
  }

  /** One use, for as many subscriptions as there are: chooses, and then does something with who was chosen. */
  #follow<T>(
    key: string | undefined,
    options: UseOptions | undefined,
    project: (first: Member, choice: Choice, limit: Limit | undefined) => Observable<T>,
  ): Observable<T> {
    const { avoid, deadlineMs, signal } = options ?? {};
    const choice = new Choice(key, readAvoid(avoid));
    const deadline =
      deadlineMs === undefined
        ? undefined
        : new Deadline(positiveMs('deadlineMs', deadlineMs), this.#clock, this.#settings.scheduler);
    const make = (limit?: Limit): Observable<T> =>
      defer(() => this.#choose(choice)).pipe(
        switchMap((member) => {
          this.#budget.earn();
          return project(member, choice, limit);
        }),
      );
    const result = deadline ? deadline.limit(make) : make();
    return signal ? result.pipe(takeUntil(whenAborted(signal))) : result;
  }

  #choose(choice: Choice): Observable<Member> {
    const member = choice.pickFrom(this.#roster);
    if (member) return of(member);
    const { startMs, waitMs } = this.#settings;
    switch (this.#phase) {
      case 'starting':
        return this.#firstSet.pipe(
          take(1),
          this.#within(Math.max(startMs, waitMs), () => 'no set of instances has come'),
          switchMap(() => this.#choose(choice)),
        );
      case 'resting':
        if (this.#roster.size === 0) return throwError(() => new NoInstanceError('the last set of instances is empty'));
        return this.#wait(choice, waitMs);
      case 'live':
        return this.#wait(choice, waitMs);
      case 'left':
        return this.#lateSet.pipe(
          this.#within(Math.max(startMs, waitMs), () => 'no set of instances has come'),
          switchMap(() => this.#choose(choice)),
        );
      case 'failed':
        return throwError(() => this.#failure);
    }
  }

  #wait(choice: Choice, waitMs: number): Observable<Member> {
    return this.#waiters.turns.pipe(
      switchMap(() => {
        const member = choice.pickFrom(this.#roster);
        return member ? of(member) : [];
      }),
      take(1),
      this.#within(waitMs, () =>
        this.#roster.size === 0
          ? 'the set of instances is empty'
          : 'all instances have as many calls under way as they may',
      ),
    );
  }

  #within<T>(ms: number, reason: () => string): (source: Observable<T>) => Observable<T> {
    const fail = (): Observable<never> => {
      const waited = ms > 0 ? `, and that for ${ms} ms` : '';
      return throwError(() => new NoInstanceError(`${reason()}${waited}`));
    };
    return (source) =>
      ms > 0 ? source.pipe(timeout({ first: ms, with: fail, scheduler: this.#settings.scheduler })) : fail();
  }

  #call<T>(member: Member, call: Call<T>, choice: Choice, limit: Limit | undefined): Observable<T> {
    const { isFailure } = this.#settings;
    const metered = this.#roster.begin(member);
    return callOnce(member, call, { metered, attempts: choice.attempts, limit, isFailure });
  }

  #nextHedge(choice: Choice, underWay: ReadonlySet<Member>): Member | undefined {
    const other = choice.pickOther(this.#roster, underWay);
    if (!other) return undefined;
    const isAllowed = this.#budget.spend();
    this.#hedges[isAllowed ? 'sent' : 'withheld'] += 1;
    return isAllowed ? other : undefined;
  }
}

/** What `use`, `hedge` and `run` may be called with, the key left out or not. */
type Arguments<C, O> = [key: string | undefined | C, call?: C | O, options?: O];

function readArguments<C, O>(args: Arguments<C, O>): { key: string | undefined; call: C; options: O | undefined } {
  const [key, call, options] = (typeof args[0] === 'function' ? [undefined, ...args] : args) as [
    key: string | undefined,
    call: C,
    options?: O,
  ];
  checked('call', call, 'a function', typeof call === 'function');
  return { key, call, options };
}

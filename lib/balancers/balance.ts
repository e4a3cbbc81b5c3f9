import {
  asyncScheduler,
  concat,
  defer,
  finalize,
  ignoreElements,
  of,
  type OperatorFunction,
  type SchedulerLike,
  tap,
} from 'rxjs';
import type { InstanceSet } from '../instances/index.js';
import { checked, count, milliseconds, optionalFunction, optionsObject, share } from '../internal/options.js';
import type { BalancerFactory } from './balancer.js';
import { CallMeter } from './callMeter.js';
import { checkBalancer } from './makeBalancer.js';
import { LivePicker, type PickerSettings } from './picker/livePicker.js';
import type { Picker } from './picker/picker.js';
import { powerOfTwoChoices } from './powerOfTwoChoices/powerOfTwoChoices.js';

/** How {@link balance} counts and waits. */
export interface BalanceOptions {
  /** What calls are counted with, to share it with others: see {@link CallMeter}. @defaultValue one for each subscription */
  readonly meter?: CallMeter | undefined;
  /** How long a call waits while the set is empty, in milliseconds; 0 is not at all. @defaultValue 0 */
  readonly waitMs?: number | undefined;
  /**
   * How long a call waits for the first set, in milliseconds, if that is longer than `waitMs`: not to know yet who is there is not
   * the same as to know that nobody is.
   *
   * @defaultValue 10_000
   */
  readonly startMs?: number | undefined;
  /**
   * How many calls an instance gets that has just come, or come back, and no more before those are back, until as many in a row
   * have answered: one that hangs shall not have its whole share before the first calls have failed. Those that are there from
   * the beginning, before any call was answered, are not tried; where there are no others, more than that go through.
   * `Infinity` for no limit, where calls may be silent for long.
   *
   * @defaultValue 3
   */
  readonly trialCalls?: number | undefined;
  /**
   * The most further calls that `Picker.hedge` makes, as a share of all calls through the picker; ten more than that at first and
   * after pauses, but none at all with 0. @defaultValue 0.1
   */
  readonly maxHedgedShare?: number | undefined;
  /**
   * Whether an error of a call is the instance's fault. One that is not, such as a request that is rightly refused, counts as
   * an answer.
   *
   * @defaultValue every error is
   */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  /** Measures waits, and latencies if no `meter` is given. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Turns sets of instances into a {@link Picker}, which chooses who gets the next call.
 *
 * ```text
 *  sets          --{a}-----{a,b}---{b}--|
 *  balance()     P----------------------|
 *  P.pick()      ∅ a   a   b   a   b   b
 * ```
 *
 * Emits one picker, at once: a request that comes before the first set finds a picker, and waits. The picker goes by the newest
 * set as long as the stream is subscribed to, and by the last one after that: `firstValueFrom` gives a picker of one set, which is
 * asked for with the first call. Those who await and want one that follows changes use `Registry.picker`. A change costs what the balancer says, whatever the size of the set, and what it has learned of instances
 * that stay is kept. Completes and errors with the source; what the picker does then is said there.
 *
 * Every subscription has a picker and a balancer of its own. To use one in several places, share it, as in the example.
 *
 * @param balancer - How to choose; by default {@link powerOfTwoChoices}, which does best in a simulated fleet (docs/balancers.md).
 * @param options - How to count and wait.
 * @throws InvalidOptionError if `balancer` or `isFailure` is no function, `meter` no {@link CallMeter}, or `waitMs`,
 * `startMs`, `trialCalls` or `maxHedgedShare` out of range.
 *
 * @example
 * ```ts
 * const picker = registry
 *   .instances({ interface: 'com.acme.Users' })
 *   .pipe(balance(powerOfTwoChoices(), { waitMs: 500 }), shareReplay({ bufferSize: 1, refCount: true }));
 * requests.pipe(
 *   withLatestFrom(picker),
 *   mergeMap(([request, picker]) => picker.use(request.key, (target) => call(target, request))),
 * );
 * ```
 */
export function balance(
  balancer: BalancerFactory = powerOfTwoChoices(),
  options: BalanceOptions = {},
): OperatorFunction<InstanceSet, Picker> {
  checkBalancer(balancer);
  optionsObject(options);
  const { meter, scheduler = asyncScheduler } = options;
  checked('meter', meter, 'a CallMeter', meter === undefined || meter instanceof CallMeter);
  const settings: Omit<PickerSettings, 'meter'> = {
    waitMs: milliseconds('waitMs', options.waitMs, 0),
    startMs: milliseconds('startMs', options.startMs, 10_000),
    maxHedgedShare: share('maxHedgedShare', options.maxHedgedShare, 0.1),
    trialCalls: count('trialCalls', options.trialCalls, 3),
    isFailure: optionalFunction('isFailure', options.isFailure) ?? (() => true),
    scheduler,
  };
  return (source) =>
    defer(() => {
      const picker = new LivePicker(balancer, { ...settings, meter: meter ?? new CallMeter({ scheduler }) }, source);
      const following = source.pipe(
        tap({
          next: (set) => picker.update(set),
          error: (error: unknown) => picker.fail(error),
          complete: () => picker.rest(),
        }),
        ignoreElements(),
      );
      return concat(of(picker), following).pipe(finalize(() => picker.leave()));
    });
}

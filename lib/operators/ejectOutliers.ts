import {
  connect,
  endWith,
  ignoreElements,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  type Observer,
  type SchedulerLike,
  takeUntil,
} from 'rxjs';
import { InvalidOptionError } from '../errors.js';
import type { InstanceSet } from '../instances/index.js';
import { drive } from './drive.js';
import { count, optionsObject, positiveMs, share } from './options.js';
import { type Ejection, OutlierDetector } from './outlierDetector.js';

/** Whom {@link ejectOutliers} ejects, and for how long. */
export interface EjectOutliersOptions {
  /** So many failures in a row eject at once; `Infinity` for never. @defaultValue 5 */
  readonly consecutiveFailures?: number | undefined;
  /** How long calls are counted before success rates are compared, in milliseconds. @defaultValue 10000 */
  readonly intervalMs?: number | undefined;
  /** Rates are compared if at least so many instances have one; `Infinity` for never. @defaultValue 5 */
  readonly minHosts?: number | undefined;
  /** An instance has a rate if it was called at least so often in the interval. @defaultValue 100 */
  readonly minRequests?: number | undefined;
  /** A rate below the mean by more than so many standard deviations ejects. @defaultValue 1.9 */
  readonly deviations?: number | undefined;
  /** How long the first ejection of an instance lasts, in milliseconds; each further one twice as long. @defaultValue 30000 */
  readonly baseEjectionMs?: number | undefined;
  /** How long an ejection lasts at most, in milliseconds. @defaultValue 300000, or `baseEjectionMs` if that is more */
  readonly maxEjectionMs?: number | undefined;
  /** At most this share is ejected at any time, but always one if there are several and this is not 0. @defaultValue 0.1 */
  readonly maxEjectedShare?: number | undefined;
  /** Told of every ejection and what becomes of it, before the set that shows it: a `Subject`, for instance. */
  readonly ejections?: Pick<Observer<Ejection>, 'next'> | undefined;
  /** Measures the time. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Leaves out for a while the instances whose calls fail more than those of the others.
 *
 * ```text
 *  sets                --abc-----------------------|
 *  outcomes            ----ax-ax-ax-----------------    ax: a call to a failed
 *  ejectOutliers(…)    --abc-----bc--------abc-----|    consecutiveFailures: 3, baseEjectionMs: 10
 * ```
 *
 * An instance is ejected when `consecutiveFailures` calls in a row have failed, or when at the end of an interval its success
 * rate is an outlier. It is readmitted when its time is over. The time doubles with every further ejection, and halves again
 * for every interval that the instance has served in: it was in the set from the beginning to the end of the interval, was
 * called, and answered at least half of its calls. Never is more than `maxEjectedShare` left out: the worst rates go
 * first, and if the source shrinks those are readmitted whose turn is next. Who leaves the source is forgotten; who changes
 * is not. Outcomes of calls to instances that are unknown or ejected do not count.
 *
 * Emits for every set of the source that changes what is left, the first one always, and for what is ejected and readmitted.
 * An outcome costs O(1), an interval as much as was called in it; intervals begin with a call, and there is no timer while
 * nothing is called or ejected.
 *
 * Cold if the source is. Subscribes to the outcomes before the source, and to each as long as it is subscribed to itself.
 * Completes with the source, and leaves the last set as it is; goes on when the outcomes complete. Errors with either.
 *
 * Where so many fail that their health says nothing, see {@link panic}: put this into it.
 *
 * Source: Envoy's outlier detection, and gRPC's (gRFC A50), whose defaults these are.
 *
 * @param outcomes - What came of calls, by the keys of the instances: those of a `CallMeter`, or your own.
 * @throws InvalidOptionError if a count is no whole number above 0, a time no number of milliseconds from 1 up, the share not
 * from 0 to 1, `deviations` no number from 0 up, or `maxEjectionMs` below `baseEjectionMs`.
 *
 * @example
 * ```ts
 * const meter = new CallMeter();
 * registry.instances(query).pipe(
 *   panic(ejectOutliers(meter.outcomes, { consecutiveFailures: 3 })),
 *   balance(leastLoaded(), { meter }),
 * );
 * ```
 */
export function ejectOutliers(
  outcomes: Observable<{ readonly key: string; readonly ok: boolean }>,
  options: EjectOutliersOptions = {},
): MonoTypeOperatorFunction<InstanceSet> {
  optionsObject(options);
  const { deviations = 1.9, ejections, scheduler } = options;
  if (!(typeof deviations === 'number' && deviations >= 0)) {
    throw new InvalidOptionError('deviations', 'a number from 0 up', deviations);
  }
  const baseEjectionMs = positiveMs('baseEjectionMs', options.baseEjectionMs, 30_000);
  const maxEjectionMs = positiveMs('maxEjectionMs', options.maxEjectionMs, Math.max(300_000, baseEjectionMs));
  if (maxEjectionMs < baseEjectionMs) {
    throw new InvalidOptionError(
      'maxEjectionMs',
      `a number from \`baseEjectionMs\` (${baseEjectionMs}) up`,
      maxEjectionMs,
    );
  }
  const limits = {
    consecutiveFailures: count('consecutiveFailures', options.consecutiveFailures, 5),
    intervalMs: positiveMs('intervalMs', options.intervalMs, 10_000),
    minHosts: count('minHosts', options.minHosts, 5),
    minRequests: count('minRequests', options.minRequests, 100),
    deviations,
    baseEjectionMs,
    maxEjectionMs,
    maxEjectedShare: share('maxEjectedShare', options.maxEjectedShare, 0.1),
  };
  return (source) =>
    source.pipe(
      connect((sets) => merge(outcomes.pipe(takeUntil(sets.pipe(ignoreElements(), endWith(0)))), sets)),
      drive(() => new OutlierDetector(limits), {
        scheduler,
        tell: (detector) => {
          for (const ejection of detector.takeNews()) ejections?.next(ejection);
        },
      }),
    );
}

import {
  asapScheduler,
  asyncScheduler,
  audit,
  connect,
  defer,
  endWith,
  filter,
  ignoreElements,
  type MonoTypeOperatorFunction,
  raceWith,
  type SchedulerLike,
  timer,
} from 'rxjs';
import type { InstanceSet } from '../instances/index.js';
import { optionsObject, positiveMs } from '../internal/options.js';
import { SetFollower } from './setFollower.js';

/** What {@link coalesce} makes one set of. */
export interface CoalesceOptions {
  /** Emits at most once in so many milliseconds. @defaultValue none: once per microtask */
  readonly auditMs?: number | undefined;
  /** Measures the wait. @defaultValue `asapScheduler`, with `auditMs` `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Makes one set of those that arrive together: the last one.
 *
 * ```text
 *  sets                      --(abc)----d-e----d--|
 *  coalesce({ auditMs: 4 })  ------c--------e-----(d|)
 * ```
 *
 * The first set of a burst starts the wait, and the last one before its end is told; so nothing is later than `auditMs`, and
 * a source that never rests is told all the same. A burst that comes to nothing in the end is not told. The first set waits
 * like every other one, and is told even if it is empty.
 *
 * Cold if the source is. When the source completes, what waits is told at once; errors pass at once, and what waits is
 * dropped. Unsubscribing stops the wait. Costs as much as changes, not as much as there is.
 *
 * @throws InvalidOptionError if `auditMs` is no number of milliseconds from 1 up.
 *
 * @example
 * ```ts
 * registry.subscribe(query).pipe(toInstances(), coalesce({ auditMs: 100 }));
 * ```
 */
export function coalesce(options: CoalesceOptions = {}): MonoTypeOperatorFunction<InstanceSet> {
  optionsObject(options);
  const isTimed = options.auditMs !== undefined;
  const waitMs = isTimed ? positiveMs('auditMs', options.auditMs) : 0;
  const { scheduler = isTimed ? asyncScheduler : asapScheduler } = options;
  return (source) =>
    source.pipe(
      connect((sets) => {
        const over = sets.pipe(ignoreElements(), endWith(0));
        return sets.pipe(audit(() => timer(waitMs, scheduler).pipe(raceWith(over))));
      }),
      onlyChanges,
    );
}

const onlyChanges: MonoTypeOperatorFunction<InstanceSet> = (sets) =>
  defer(() => {
    const told = new SetFollower();
    let last: InstanceSet | undefined;
    return sets.pipe(
      filter((set) => {
        const isConfirmed = last?.origin !== set.origin;
        last = set;
        return told.follow(set).length > 0 || isConfirmed;
      }),
    );
  });

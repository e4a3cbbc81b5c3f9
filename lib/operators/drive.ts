import {
  asyncScheduler,
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  map,
  merge,
  of,
  type OperatorFunction,
  type SchedulerLike,
  Subject,
  switchMap,
  tap,
  timer,
} from 'rxjs';
import { InstanceSet } from '../instances/index.js';
import { ElapsedTime } from './elapsedTime.js';
import type { SetMachine } from './setMachine.js';

/** How {@link drive} runs a machine. */
export interface DriveOptions<M, I = unknown> {
  /** Measures time. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
  /** Called after every step, before its set is emitted. */
  readonly tell?: (machine: M) => void;
  /** The set of which an input tells: what is made of it has its origin. @defaultValue the input, if it is a set */
  readonly setOf?: (input: I) => InstanceSet | undefined;
}

/**
 * Feeds inputs and time to a {@link SetMachine}, one for each subscription, and emits the sets that it makes.
 *
 * ```text
 *  inputs     --a---b------c|
 *  due             ^---t
 *  drive(…)   --A---B--C---(D|)
 * ```
 *
 * There is one timer, for the moment that comes first, and none while nothing is due. A machine has taken its step, and the
 * timer is set, before anybody is told: who answers a set with another input meets a machine that is ready for it. Completes
 * with the inputs, after what the machine then let go of; errors with them. Unsubscribing stops the timer.
 */
export function drive<I, M extends SetMachine<I>>(
  make: () => M,
  options: DriveOptions<M, I> = {},
): OperatorFunction<I, InstanceSet> {
  const { scheduler = asyncScheduler, tell, setOf = setIn } = options;
  return (inputs) =>
    defer(() => {
      const machine = make();
      let origin = new InstanceSet();
      let told: InstanceSet | undefined;
      /** Takes an input in; a set that differs only in its origin is news where a set was told. */
      const take = (input: I): boolean => {
        const isNews = machine.take(input, time.read(scheduler.now()));
        const set = setOf(input);
        if (!set) return isNews;
        origin = set;
        return isNews || (told !== undefined && (told.origin !== set.origin || told.ageMs !== set.ageMs));
      };
      const time = new ElapsedTime(scheduler.now());
      const alarms = new Subject<number | undefined>();
      const wakes = alarms.pipe(
        distinctUntilChanged(),
        switchMap((dueMs) =>
          dueMs === undefined
            ? EMPTY
            : timer(Math.max(0, dueMs - time.nowMs), scheduler).pipe(
                map(() => machine.wake?.(time.reach(dueMs, scheduler.now())) ?? false),
              ),
        ),
      );
      const takes = concat(
        inputs.pipe(map(take)),
        defer(() => of(machine.end?.(time.read(scheduler.now())) ?? false)),
      ).pipe(
        tap({
          complete: () => {
            alarms.next(undefined);
            alarms.complete();
          },
        }),
      );
      return merge(wakes, takes).pipe(
        tap(() => {
          time.expect(machine.dueMs);
          alarms.next(machine.dueMs);
          tell?.(machine);
        }),
        filter((isNews) => isNews),
        map(() => (told = markedAs(origin, machine.set, told))),
        // Whoever answers in `tell` with an input has had the newest set told already.
        distinctUntilChanged(),
      );
    });
}

function setIn(input: unknown): InstanceSet | undefined {
  return input instanceof InstanceSet ? input : undefined;
}

/** A set with the origin of another one; the last one if that is what it was. */
function markedAs(origin: InstanceSet, set: InstanceSet, last: InstanceSet | undefined): InstanceSet {
  if (origin.origin === 'registry') return set;
  const isLast = last?.origin === origin.origin && last.ageMs === origin.ageMs && last.isOf(set);
  return isLast ? last : set.withOriginOf(origin);
}

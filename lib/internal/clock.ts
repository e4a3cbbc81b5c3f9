import { asyncScheduler, type SchedulerLike, type TimestampProvider } from 'rxjs';

/** Time that only goes forward: a wall clock that is set must neither expire a session nor keep a dead one. */
const monotonic: TimestampProvider = { now: () => performance.now() };

/** The clock that belongs to a scheduler: monotonic for real time, the scheduler's own for virtual time. */
export function clockOf(scheduler: SchedulerLike): TimestampProvider {
  return scheduler === asyncScheduler ? monotonic : scheduler;
}

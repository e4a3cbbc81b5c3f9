import { asyncScheduler, type SchedulerAction, type SchedulerLike, type Subscription } from 'rxjs';

/**
 * The time of whoever runs: virtual inside `TestScheduler.run`, real elsewhere.
 *
 * RxJS redirects the timers and the clock of `asyncScheduler` inside `run`. Where `asyncScheduler` itself is handed on, its
 * clock is taken for the monotonic one, which is not redirected; this is the same scheduler, taken by its word.
 */
export const ambientScheduler: SchedulerLike = {
  now: () => asyncScheduler.now(),
  schedule: <T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T): Subscription =>
    asyncScheduler.schedule(work, delay, state),
};

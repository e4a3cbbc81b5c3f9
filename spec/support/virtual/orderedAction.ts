import { Subscription, VirtualAction, type VirtualTimeScheduler } from 'rxjs';

/** So many actions at one moment are an endless loop, in which no time would ever pass. */
const MOST_AT_ONE_MOMENT = 100_000;

const moments = new WeakMap<VirtualTimeScheduler, { frame: number; count: number }>();

/**
 * An action that finds its place among thousands of others by halving, where RxJS's own sorts all of them anew for each.
 *
 * Due in order of time, and of making where that is the same.
 */
export class OrderedAction<T> extends VirtualAction<T> {
  override schedule(state?: T, delay = 0): Subscription {
    if (!Number.isFinite(delay)) return Subscription.EMPTY;
    if (!this.id) return super.schedule(state, delay);
    this.active = false;
    const next = new OrderedAction(this.scheduler, this.work);
    this.add(next);
    return next.schedule(state, delay);
  }

  override execute(state: T, delay: number): unknown {
    const { frame } = this.scheduler;
    const moment = moments.get(this.scheduler) ?? { frame, count: 0 };
    moments.set(this.scheduler, moment);
    moment.count = moment.frame === frame ? moment.count + 1 : 0;
    moment.frame = frame;
    if (moment.count > MOST_AT_ONE_MOMENT) return new Error(`an endless loop at ${frame} ms`);
    return super.execute(state, delay);
  }

  protected override requestAsyncId(scheduler: VirtualTimeScheduler, _id?: unknown, delay = 0): number {
    this.delay = scheduler.frame + delay;
    const actions = scheduler.actions as OrderedAction<unknown>[];
    let [from, to] = [0, actions.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const other = actions[middle]!;
      if (other.delay < this.delay || (other.delay === this.delay && other.index < this.index)) from = middle + 1;
      else to = middle;
    }
    actions.splice(from, 0, this as OrderedAction<unknown>);
    return 1;
  }
}

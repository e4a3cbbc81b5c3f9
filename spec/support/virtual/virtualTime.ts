import { VirtualTimeScheduler } from 'rxjs';
import { OrderedAction } from './orderedAction.js';

/** A clock that stands until it is told to go on. */
export class VirtualTime {
  readonly scheduler = new VirtualTimeScheduler(OrderedAction);

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.scheduler.frame;
  }

  /** How many timers are armed. */
  get timers(): number {
    return this.scheduler.actions.length;
  }

  /** Lets time pass; everything due by then, that included, happens in order. */
  pass(ms: number): void {
    this.#flush(this.now + ms);
  }

  /** Lets time pass as {@link pass} does, and promises have their turn after each moment at which anything happened. */
  async passAsync(ms: number): Promise<void> {
    const end = this.now + ms;
    await turn();
    for (let next = this.#next; next <= end; next = this.#next) {
      this.#flush(next);
      await turn();
    }
    this.#flush(end);
  }

  /** Lets time pass until a promise is settled, `withinMs` at the longest, and returns what came of it. */
  async settle<T>(promise: Promise<T>, withinMs = 600_000): Promise<T> {
    const end = this.now + withinMs;
    let settled = false;
    const mark = (): void => void (settled = true);
    promise.then(mark, mark);
    await turn();
    for (let next = this.#next; !settled; next = this.#next) {
      if (next > end) throw new Error(`not settled within ${withinMs} ms of virtual time`);
      this.#flush(next);
      await turn();
    }
    return promise;
  }

  get #next(): number {
    return this.scheduler.actions[0]?.delay ?? Infinity;
  }

  #flush(until: number): void {
    this.scheduler.maxFrames = until;
    this.scheduler.flush();
    this.scheduler.frame = until;
  }
}

/** Lets everything that promises have queued run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

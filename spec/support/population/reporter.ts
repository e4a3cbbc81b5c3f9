import { monotonicMs } from '../history/monotonic.js';
import type { Message, Observation } from './actors.js';

type Told<T> = T extends { readonly at: number } ? Omit<T, 'at'> : never;

/** Sends the parent process what is observed, in its order, many at a time. */
export class Reporter {
  #pending: Observation[] = [];

  tell(observation: Told<Observation>): void {
    if (this.#pending.length === 0) setImmediate(() => this.flush());
    this.#pending.push({ ...observation, at: monotonicMs() });
  }

  flush(): void {
    if (this.#pending.length === 0) return;
    this.send({ type: 'observed', observations: this.#pending });
    this.#pending = [];
  }

  send(message: Message): void {
    // A parent that is gone needs no answer.
    if (process.connected) process.send!(message);
  }
}

import { defer, Observable } from 'rxjs';

interface Turn {
  readonly keys: readonly string[];
  readonly begin: () => void;
  hasBegun: boolean;
}

/** Carries out what concerns the same keys one after another, in the order in which it was asked for. */
export class Turns {
  /** Those who wait for each key, and the one before them whose turn it is. */
  readonly #queues = new Map<string, Set<Turn>>();

  /**
   * Subscribes to a work once all that was asked for before it, for any of these keys, is over. Unsubscribing leaves the queue,
   * and changes nothing for the others in it.
   */
  take<T>(keys: readonly string[], work: () => Observable<T>): Observable<T> {
    return new Observable((subscriber) => {
      const begin = (): void => void subscriber.add(defer(work).subscribe(subscriber));
      const turn: Turn = { keys, begin, hasBegun: false };
      for (const key of keys) {
        const queue = this.#queues.get(key) ?? new Set();
        this.#queues.set(key, queue.add(turn));
      }
      subscriber.add(() => this.#leave(turn));
      this.#beginIfFirst(turn);
    });
  }

  #leave(turn: Turn): void {
    for (const key of turn.keys) {
      const queue = this.#queues.get(key);
      queue?.delete(turn);
      if (queue?.size === 0) this.#queues.delete(key);
    }
    for (const key of turn.keys) {
      const [next] = this.#queues.get(key) ?? [];
      if (next) this.#beginIfFirst(next);
    }
  }

  #beginIfFirst(turn: Turn): void {
    if (turn.hasBegun || !turn.keys.every((key) => isFirst(this.#queues.get(key), turn))) return;
    turn.hasBegun = true;
    turn.begin();
  }
}

function isFirst(queue: ReadonlySet<Turn> | undefined, turn: Turn): boolean {
  const [first] = queue ?? [];
  return first === turn;
}

import { Observable, type Subscriber } from 'rxjs';
import { parentOf } from '../../internal/path.js';
import type { CreateOptions } from '../../port/index.js';
import type { ZkClient } from './client.js';

/** A node that was made: where, and by which transaction. */
export interface Made {
  readonly path: string;
  readonly zxid: bigint;
}

interface Wanted {
  readonly path: string;
  readonly options: CreateOptions;
  readonly subscriber: Subscriber<Made>;
}

/** A transaction of a hundred costs the server hardly more than one node; beyond that nothing is gained. */
const MOST_IN_ONE = 100;
/** Half of what the server takes in one packet, which has more in it than paths and data. */
const MOST_BYTES_IN_ONE = 500_000;

/**
 * Makes nodes that are asked for at the same time in transactions, as registrations are when a session begins.
 *
 * One bad node fails its whole transaction. It is split out, and told of its own failure; the others go on in two halves.
 */
export class BulkCreate {
  readonly #client: ZkClient;
  #wanted: Wanted[] = [];

  constructor(client: ZkClient) {
    this.#client = client;
  }

  /** Makes a node, with all others that are asked for before the next microtask or {@link flush}. */
  create(path: string, options: CreateOptions): Observable<Made> {
    return new Observable((subscriber) => {
      this.#wanted.push({ path, options, subscriber });
      if (this.#wanted.length === 1) queueMicrotask(() => this.flush());
    });
  }

  /** Sends what is asked for so far, so that what is sent next comes after it. */
  flush(): void {
    const wanted = this.#wanted;
    this.#wanted = [];
    let next: Wanted[] = [];
    let bytes = 0;
    for (const each of wanted) {
      const size = sizeOf(each);
      if (next.length === MOST_IN_ONE || (next.length > 0 && bytes + size > MOST_BYTES_IN_ONE)) {
        this.#send(next);
        next = [];
        bytes = 0;
      }
      next.push(each);
      bytes += size;
    }
    this.#send(next);
  }

  #send(nodes: readonly Wanted[]): void {
    const [first] = nodes;
    if (!first) return;
    if (nodes.length === 1) {
      first.subscriber.add(this.#client.create(first.path, first.options).subscribe(first.subscriber));
      return;
    }
    this.#client.createAll(nodes.map(({ path, options }) => ({ path, ...options }))).subscribe({
      next: (outcome) => {
        if ('zxid' in outcome) {
          for (const { path, subscriber } of nodes) {
            subscriber.next({ path, zxid: outcome.zxid });
            subscriber.complete();
          }
          return;
        }
        const bad = nodes[outcome.failedAt]!;
        // A directory that is missing is missing for all that belong in it.
        const fails = (each: Wanted): boolean =>
          each === bad || (outcome.error.code === 'NO_NODE' && parentOf(each.path) === parentOf(bad.path));
        const rest = nodes.filter((each) => !fails(each));
        for (const each of nodes) if (fails(each)) each.subscriber.error(outcome.error);
        this.#send(rest.slice(0, rest.length / 2));
        this.#send(rest.slice(rest.length / 2));
      },
      error: (error: unknown) => nodes.forEach(({ subscriber }) => subscriber.error(error)),
    });
  }
}

function sizeOf({ path, options }: Wanted): number {
  return Buffer.byteLength(path) + (options.data?.length ?? 0);
}

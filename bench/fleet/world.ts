import { Observable, VirtualTimeScheduler } from 'rxjs';
import { instanceKey, ServiceUrl } from '../../lib/dubbo/index.js';
import { type HeapItem, IndexedHeap } from '../../lib/internal/indexedHeap.js';

/** How long a call may take before its client gives it up, in milliseconds. */
export const TIME_LIMIT_MS = 1_000;

/** How long a host needs for a call on average, in milliseconds, while nothing is wrong. */
export const SERVICE_MS = 50;

/** How many calls a host of the default weight serves at a time; the others wait in line. */
export const WORKERS = 2;

interface Event extends HeapItem {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that passes from event to event, for what is simulated and for the timers of RxJS alike. */
export class Time {
  readonly scheduler = new VirtualTimeScheduler(undefined, 0);
  readonly #events = new IndexedHeap<Event>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  #scheduled = 0;

  get now(): number {
    return this.scheduler.frame;
  }

  at(at: number, run: () => void): void {
    this.#events.push({ at, order: this.#scheduled++, run, position: -1 });
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  runUntil(end: number): void {
    for (let next = this.#events.first; next && next.at <= end; next = this.#events.first) {
      this.#events.remove(next);
      this.#reach(next.at);
      next.run();
    }
    this.#reach(end);
  }

  #reach(at: number): void {
    this.scheduler.maxFrames = at;
    this.scheduler.flush();
    this.scheduler.frame = at;
  }
}

/** What a host does with calls: answers, fails at once, or never says anything. */
export type Health = 'well' | 'failing' | 'hung';

interface Job {
  isGivenUp: boolean;
  readonly done: () => void;
}

/** A host: some workers, and a line before them. */
export class Host {
  readonly instance: ServiceUrl;
  readonly key: string;
  readonly workers: number;
  health: Health = 'well';
  /** How much longer it takes than usual. */
  slowness = 1;
  /** Calls that are served or wait. */
  load = 0;
  readonly #time: Time;
  readonly #random: () => number;
  readonly #line: Job[] = [];
  #busy = 0;

  constructor(name: string, weight: number, time: Time, random: () => number) {
    const parameters = { weight: String(weight) };
    this.instance = ServiceUrl.from({ protocol: 'dubbo', host: name, port: 20880, path: 'com.acme.Users', parameters });
    this.key = instanceKey(this.instance);
    this.workers = Math.max(1, Math.round((WORKERS * weight) / 100));
    this.#time = time;
    this.#random = random;
  }

  /** A call to it: one value, an error, or an error when the time limit is over. */
  call(): Observable<true> {
    return new Observable((subscriber) => {
      let isOver = false;
      this.load += 1;
      const job: Job = {
        isGivenUp: false,
        done: () => {
          if (isOver) return;
          isOver = true;
          subscriber.next(true);
          subscriber.complete();
        },
      };
      const fail = (reason: string): void => {
        if (isOver) return;
        isOver = job.isGivenUp = true;
        subscriber.error(new Error(reason));
      };
      if (this.health === 'failing') {
        this.#time.after(1, () => {
          this.load -= 1;
          fail('refused');
        });
        return;
      }
      if (this.health === 'hung') {
        this.#time.after(TIME_LIMIT_MS, () => {
          this.load -= 1;
          fail('timed out');
        });
        return;
      }
      this.#time.after(TIME_LIMIT_MS, () => fail('timed out'));
      this.#line.push(job);
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#busy < this.workers && this.#line.length > 0) {
      const job = this.#line.shift()!;
      if (job.isGivenUp) {
        this.load -= 1;
        continue;
      }
      this.#busy += 1;
      this.#time.after(-Math.log(1 - this.#random()) * SERVICE_MS * this.slowness, () => {
        this.#busy -= 1;
        this.load -= 1;
        job.done();
        this.#serve();
      });
    }
  }
}

/** Random numbers that are the same in every run. */
export function seeded(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

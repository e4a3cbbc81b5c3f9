import { Observable, type Subscriber } from 'rxjs';
import { RegistryError } from '../../errors.js';
import { AdaptiveWindow } from '../../internal/adaptiveWindow.js';
import { FailureSignal } from '../../internal/failureSignal.js';
import type { Deliveries } from './deliveries.js';
import { toRegistryError, ZK } from './errors.js';
import type { RefusedRequests, RequestSize } from './refusedRequests.js';

/** The server drops the whole connection for a packet beyond its `jute.maxbuffer`, 1048575 bytes by default. */
const LARGEST_REQUEST = 1_000_000;

/** How many requests are under way at once: enough to fill the pipe. */
const MOST_REQUESTS = 256;

/** What a request has besides paths and data, as its header and the access control list. */
const OVERHEAD_BYTES = 64;

/** One request to the server. */
export interface Request<T> {
  /** What it does, for errors. */
  readonly operation: string;
  readonly path: string;
  /** How many bytes it carries besides the path. @defaultValue 0 */
  readonly dataLength?: number | undefined;
  /** Whether it asks for several things: where it is `TOO_LARGE`, they are asked for in parts. @defaultValue `false` */
  readonly isBatch?: boolean;
  /** Whether it goes ahead of all that wait. @defaultValue `false` */
  readonly urgent?: boolean;
  /** Sends it; `done` is called from inside the library, while the answer is read, or at once if there is nothing to send. */
  readonly send: (done: Done<T>) => void;
}

/** Takes the answer: an error of the library, or how to read the result. */
export type Done<T> = (error: unknown, result: () => T) => void;

/** What a {@link RequestWindow} needs to know. */
export interface RequestWindowOptions {
  /** The error code of the answer that is being read. */
  readonly codeOf: (error: unknown) => number;
  /** How long an answer may wait behind others, in milliseconds. */
  readonly patienceMs: () => number;
  /** What is known of the requests at which servers close the connection. */
  readonly refused: RefusedRequests;
}

/** A request that waits for its turn. */
interface Waiting {
  readonly size: RequestSize;
  readonly start: () => void;
}

/**
 * Sends requests in the order of their subscriptions, not more at a time than the link takes in good time, and fails all of
 * them when the connection ends.
 */
export class RequestWindow {
  readonly #deliveries: Deliveries;
  readonly #codeOf: (error: unknown) => number;
  readonly #outstanding = new Set<Subscriber<never>>();
  readonly #waiting = new Set<Waiting>();
  /** Those that were sent and not answered, but for what is urgent. */
  readonly #underWay = new Set<RequestSize>();
  readonly #refused: RefusedRequests;
  /** Whether what is larger than anything that was answered is sent when nothing else is under way; so large that is, by operation. */
  #isCareful = false;
  readonly #answered = new Map<string, number>();
  /** Whether what is under way is to be the only one. */
  #isAlone = false;
  readonly #ended = new FailureSignal();
  readonly #window: AdaptiveWindow;
  #isStarting = false;
  #over: RegistryError | undefined;

  constructor(deliveries: Deliveries, { codeOf, patienceMs, refused }: RequestWindowOptions) {
    this.#deliveries = deliveries;
    this.#codeOf = codeOf;
    this.#refused = refused;
    this.#window = new AdaptiveWindow({ mostRequests: MOST_REQUESTS, patienceMs });
  }

  /** How many bytes of requests are under way. */
  get bytesUnderWay(): number {
    return this.#window.bytes;
  }

  /** Whether the connection has ended. */
  get over(): boolean {
    return this.#over !== undefined;
  }

  /** Errors when the connection ends. */
  get ended(): Observable<never> {
    return this.#ended;
  }

  /** Emits the result once; unsubscribing before it was sent withdraws it. */
  request<T>(request: Request<T>): Observable<T> {
    const { operation, path, dataLength = 0, urgent = false, isBatch = false } = request;
    return new Observable<T>((subscriber) => {
      if (this.#over) return subscriber.error(this.#over);
      const size = Buffer.byteLength(path) + dataLength;
      if (size > LARGEST_REQUEST) {
        const message = `ZooKeeper ${operation}: path and data have ${size} bytes, at most ${LARGEST_REQUEST} are possible.`;
        return subscriber.error(new RegistryError('TOO_LARGE', message));
      }
      const known: RequestSize = { operation, path, bytes: size, isBatch };
      const refusal = this.#refused.refusal(known);
      if (refusal) return subscriber.error(refusal);
      const waiting: Waiting = { size: known, start: () => this.#start(request, known, subscriber) };
      this.#outstanding.add(subscriber);
      subscriber.add(() => {
        this.#outstanding.delete(subscriber);
        this.#waiting.delete(waiting);
      });
      if (urgent) waiting.start();
      else {
        this.#waiting.add(waiting);
        this.#startWaiting();
      }
      return undefined;
    });
  }

  /** Drops the requests that were not sent yet; they are never answered, unless {@link fail} does. */
  dropWaiting(): void {
    this.#waiting.clear();
  }

  /** Says that the server serves. */
  opened(): void {
    this.#isCareful = this.#refused.opened();
  }

  /** Says that the server has closed the connection, before {@link fail}. */
  closed(): void {
    if (!this.#over) this.#refused.dropped([...this.#underWay]);
  }

  /** Ends every request: the library never answers those that it has not written when the connection or session ends. */
  fail(error: RegistryError): void {
    if (this.#over) return;
    this.#over = error;
    this.#waiting.clear();
    const outstanding = [...this.#outstanding];
    this.#outstanding.clear();
    queueMicrotask(() => {
      for (const subscriber of outstanding) subscriber.error(error);
      this.#ended.error(error);
    });
  }

  #start<T>({ operation, path, urgent, send }: Request<T>, size: RequestSize, subscriber: Subscriber<T>): void {
    const underWay = this.#window.sent(size.bytes + OVERHEAD_BYTES, performance.now());
    if (!urgent) this.#underWay.add(size);
    let isSent = false;
    try {
      send((error, result) => {
        // Read now, delivered later: it can be read only while the library reads the answer.
        const code = this.#codeOf(error);
        if (isSent) this.#window.answered(underWay, performance.now());
        else this.#window.dropped(underWay);
        if (!urgent) this.#settled(size, isSent, code);
        const value = code === ZK.OK ? result() : undefined;
        this.#deliveries.add(() => {
          this.#outstanding.delete(subscriber);
          if (code !== ZK.OK) return subscriber.error(toRegistryError(code, operation, path, error));
          subscriber.next(value as T);
          subscriber.complete();
        });
        this.#startWaiting();
      });
      isSent = true;
    } catch (error) {
      this.#window.dropped(underWay);
      this.#underWay.delete(size);
      this.#isAlone = false;
      subscriber.error(toRegistryError(ZK.SYSTEM_ERROR, operation, path, error));
    }
  }

  /** Takes an answer into account, or that there was nothing to send. */
  #settled(size: RequestSize, isSent: boolean, code: number): void {
    // With the connection the library fails all that is under way: that is no answer.
    if (code === ZK.CONNECTION_LOSS) return;
    this.#underWay.delete(size);
    this.#isAlone = false;
    if (!isSent) return;
    const { operation, bytes } = size;
    this.#answered.set(operation, Math.max(this.#answered.get(operation) ?? 0, bytes));
    this.#refused.answered(size);
  }

  /** Sends what waits, in order, as far as the window allows; what is answered meanwhile makes room for more. */
  #startWaiting(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    for (const waiting of this.#waiting) {
      if (!this.#window.hasRoom || this.#isAlone) break;
      const { operation, bytes } = waiting.size;
      const isUntried = this.#isCareful && bytes > (this.#answered.get(operation) ?? 0);
      if (isUntried || this.#refused.isSuspect(waiting.size)) {
        if (this.#underWay.size > 0) break;
        this.#isAlone = true;
      }
      this.#waiting.delete(waiting);
      waiting.start();
    }
    this.#isStarting = false;
  }
}

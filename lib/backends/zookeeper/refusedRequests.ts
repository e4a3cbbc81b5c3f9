import { RegistryError } from '../../errors.js';
import { quoted } from '../../internal/quoted.js';

/** What is known of a request before it is sent. */
export interface RequestSize {
  /** What it does, for errors: what a server cannot write it may still read. */
  readonly operation: string;
  readonly path: string;
  readonly bytes: number;
  /** Whether it asks for several things that could be asked for one by one. */
  readonly isBatch: boolean;
}

/** So often a connection has to be closed at one request before that is held back. */
const MOST_DROPS = 2;
/** A limit below this is rare, and links that break are not: so often it has to happen at a request that is smaller. */
const SMALL_BYTES = 1_024;
const MOST_DROPS_OF_SMALL = 10;
/** A request that is held back is sent again after a wait that doubles from the session timeout up to this. */
const LONGEST_WAIT_MS = 600_000;

/** What is known of the requests of one operation. */
class Requests {
  /** How often the connection was closed when nothing but a request of so many bytes was under way. */
  readonly drops = new Map<number, number>();
  /** From so many bytes on they are held back. */
  heldFrom = Infinity;
  heldUntil = 0;
  waitMs = 0;
  /** So many bytes have been answered. */
  largestAnswered = 0;
}

/**
 * Finds the request at which a server closes the connection, such as one that is larger than its `jute.maxbuffer`, and holds it
 * back, so that it does not cost all others the connection again and again.
 *
 * A server does not say why it closes a connection, and most of the time it is not for what it was asked. So after that, what is
 * larger than what was answered since is sent when nothing else is under way. If the connection is closed again, and once more
 * (for a small request: many times more), that request fails with `SERVER_ERROR` without being sent, and so does what is larger. It is tried again later and later:
 * the limit may be raised, or it was a server with a full disk that ended at every write.
 */
export class RefusedRequests {
  readonly #firstWaitMs: number;
  readonly #now: () => number;
  readonly #byOperation = new Map<string, Requests>();
  #isCareful = false;

  constructor(firstWaitMs: number, now = (): number => performance.now()) {
    this.#firstWaitMs = firstWaitMs;
    this.#now = now;
  }

  /** Begins another connection; returns whether its first requests are to be sent one by one. */
  opened(): boolean {
    const isCareful = this.#isCareful;
    this.#isCareful = false;
    return isCareful;
  }

  /** Whether a request was held back, or would be: nothing else is to be under way with it. */
  isSuspect({ operation, bytes }: RequestSize): boolean {
    return bytes >= (this.#byOperation.get(operation)?.heldFrom ?? Infinity);
  }

  /** Why a request is held back; `undefined` if it may be sent. */
  refusal({ operation, path, bytes, isBatch }: RequestSize): RegistryError | undefined {
    const requests = this.#byOperation.get(operation);
    if (!requests || requests.heldFrom === Infinity) return undefined;
    const leftMs = requests.heldUntil - this.#now();
    const isHeld = bytes >= requests.heldFrom && leftMs > 0;
    // What is in it goes one by one, and is found to be at fault or not.
    if (!isHeld && !(isBatch && bytes > requests.largestAnswered)) return undefined;
    return new RegistryError(
      isBatch ? 'TOO_LARGE' : 'SERVER_ERROR',
      `ZooKeeper ${operation} ${quoted(path)}: the server has closed the connection whenever it was sent a request of ` +
        `${requests.heldFrom} bytes, perhaps for its jute.maxbuffer; this one of ${bytes} bytes may be sent in ${Math.ceil(leftMs / 1_000)} s.`,
    );
  }

  answered({ operation, bytes }: RequestSize): void {
    const requests = this.#of(operation);
    requests.largestAnswered = Math.max(requests.largestAnswered, bytes);
    for (const dropped of requests.drops.keys()) if (dropped <= bytes) requests.drops.delete(dropped);
    if (bytes < requests.heldFrom) return;
    requests.heldFrom = Infinity;
    requests.waitMs = 0;
  }

  /** The server has closed the connection while these were under way. */
  dropped(underWay: readonly RequestSize[]): void {
    if (underWay.length === 0) return;
    this.#isCareful = true;
    if (underWay.length > 1) return;
    const { operation, bytes } = underWay[0]!;
    const requests = this.#of(operation);
    const drops = (requests.drops.get(bytes) ?? 0) + 1;
    requests.drops.set(bytes, drops);
    if (drops < (bytes < SMALL_BYTES ? MOST_DROPS_OF_SMALL : MOST_DROPS)) return;
    requests.waitMs = Math.min(LONGEST_WAIT_MS, Math.max(this.#firstWaitMs, 2 * requests.waitMs));
    requests.heldFrom = Math.min(requests.heldFrom, bytes);
    requests.heldUntil = this.#now() + requests.waitMs;
  }

  #of(operation: string): Requests {
    const known = this.#byOperation.get(operation) ?? new Requests();
    this.#byOperation.set(operation, known);
    return known;
  }
}

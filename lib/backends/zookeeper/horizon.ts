import { RefusedError, type ZkClient } from './client.js';

/** An attempt that failed. */
export interface FailedAttempt {
  readonly error: unknown;
  /** The addresses that were tried, the one that was connected to alone if there was one. */
  readonly tried: readonly string[];
  /** The addresses of all servers. */
  readonly all: readonly string[];
  /** Whether there is no session any more that could still be alive: it was declared over, or our own clock gave it up. */
  readonly isOver: boolean;
}

/**
 * How far a client has seen the registry's history, so that no server that is behind can show it the past.
 *
 * Told the last transaction we saw, such a server refuses us, and another one is tried. A registry that was wiped or restored
 * is behind for ever. As long as the session may be alive, that cannot be: its server has seen what we have. Once it is over,
 * the past may be let go where
 *
 * - every address refuses us, one after the other: nobody is left who knows what we saw; or
 * - some address refuses us for a session timeout and none accepts us, as where one of the hosts is gone for good. A server
 *   that lags is no further behind than its leader allows (`syncLimit`), or is not served by.
 *
 * A server that does not serve, because it has no quorum or is just starting, closes the connection in the same way. So the
 * past is let go by an answer only: the server is asked once more without it, see {@link Horizon.failed}.
 */
export class Horizon {
  readonly #patienceMs: number;
  readonly #refusing = new Set<string>();
  #zxid: (() => Buffer) | undefined;
  #refusedSince: number | undefined;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** The last transaction that was seen. */
  get zxid(): Buffer | undefined {
    return this.#zxid?.();
  }

  /** Sees what a new connection sees. */
  follow(client: ZkClient): void {
    this.#reset();
    this.#zxid = () => client.seenZxid;
  }

  /** Lets the past go. */
  forget(): void {
    this.#reset();
    this.#zxid = undefined;
  }

  /** Takes note of an attempt that failed; returns whether to ask the same server again without what was seen. */
  failed({ error, tried, all, isOver }: FailedAttempt): boolean {
    if (!(error instanceof RefusedError)) {
      // Who cannot be reached says nothing about history.
      for (const address of tried) this.#refusing.delete(address);
      return false;
    }
    for (const address of tried) this.#refusing.add(address);
    if (!isOver || !this.#zxid) return false;
    const now = performance.now();
    this.#refusedSince ??= now;
    const isRound = all.every((address) => this.#refusing.has(address));
    if (!isRound && now - this.#refusedSince < this.#patienceMs) return false;
    // Not again before the next round, or as much patience: this doubles the attempts.
    this.#reset();
    return true;
  }

  #reset(): void {
    this.#refusing.clear();
    this.#refusedSince = undefined;
  }
}

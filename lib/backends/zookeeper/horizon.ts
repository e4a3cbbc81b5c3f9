import { RefusedError, type ZkClient } from './client.js';

/**
 * How far a client has seen the registry's history, so that no server that is behind can show it the past.
 *
 * Told the last transaction we saw, such a server refuses us, and another one is tried. A registry that was wiped is
 * behind for ever: when nothing but refusals came for a session timeout, the past is let go.
 */
export class Horizon {
  readonly #patienceMs: number;
  #client: ZkClient | undefined;
  #refusedSince: number | undefined;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** The last transaction that was seen. */
  get zxid(): Buffer | undefined {
    return this.#client?.seenZxid;
  }

  /** Sees what a new connection sees. */
  follow(client: ZkClient): void {
    this.#client = client;
    this.#refusedSince = undefined;
  }

  /** Takes note of a connection that failed. */
  failed(error: unknown): void {
    // A host that is down says nothing about history, so it does not begin the wait anew either.
    if (!(error instanceof RefusedError)) return;
    const now = performance.now();
    this.#refusedSince ??= now;
    if (now - this.#refusedSince < this.#patienceMs) return;
    this.#client = undefined;
    this.#refusedSince = undefined;
  }
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BehaviorSubject, type Observable } from 'rxjs';

/** A small HTTP server that knows how many requests are under way. */
export interface HttpProvider {
  readonly port: number;
  readonly inFlight: Observable<number>;
  /** Lets connections go when they are idle; by force when the signal is aborted. */
  readonly close: (context: { readonly signal: AbortSignal }) => Promise<void>;
}

/** Starts a server that takes its time for an answer. */
export async function startHttpProvider(name: string, answerMs = 30): Promise<HttpProvider> {
  const inFlight = new BehaviorSubject(0);
  const server = createServer((_, response) => {
    inFlight.next(inFlight.value + 1);
    response.on('close', () => inFlight.next(inFlight.value - 1));
    setTimeout(() => response.end(name), answerMs * (0.5 + Math.random()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    inFlight,
    close: async ({ signal }) => {
      const closed = once(server, 'close');
      server.close();
      signal.addEventListener('abort', () => server.closeAllConnections());
      if (signal.aborted) server.closeAllConnections();
      await closed;
    },
  };
}

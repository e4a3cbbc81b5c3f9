import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BehaviorSubject, type Observable } from 'rxjs';

/** A real HTTP server that counts. */
export interface HttpProvider extends AsyncDisposable {
  readonly port: number;
  /** How many requests are under way. */
  readonly inFlight: Observable<number>;
  /** Lets connections go when they are idle; by force when the signal is aborted. */
  close(context: { readonly signal: AbortSignal }): Promise<void>;
}

/** Starts a server that answers each request after `answerMs`. */
export async function startHttpProvider(port: number, answerMs: () => number): Promise<HttpProvider> {
  const inFlight = new BehaviorSubject(0);
  const server = createServer((_, response) => {
    inFlight.next(inFlight.value + 1);
    response.on('close', () => inFlight.next(inFlight.value - 1));
    const answering = setTimeout(() => response.end('ok'), answerMs());
    response.on('close', () => clearTimeout(answering));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const force = (): void => server.closeAllConnections();
  const close = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    if (signal.aborted) force();
    else signal.addEventListener('abort', force);
    await closed;
  };
  return {
    port: (server.address() as AddressInfo).port,
    inFlight,
    close,
    [Symbol.asyncDispose]: () => close({ signal: AbortSignal.abort() }),
  };
}

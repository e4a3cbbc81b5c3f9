import { Observable, type Subscriber } from 'rxjs';
import type { BackoffOptions } from '../../connection/index.js';
import { connect, type Link, served } from '../../connection/index.js';
import { optionsObject, positiveMs } from '../../internal/options.js';
import type { Backend, Session } from '../../port/index.js';
import { type MemoryClient, type MemoryLink, MemoryServer, memoryServer } from './memoryServer.js';
import { MemorySession } from './memorySession.js';

/** How {@link memory} connects. */
export interface MemoryOptions {
  /** The server, or its name in this process. @defaultValue a server of its own */
  readonly server?: MemoryServer | string | undefined;
  /** How long the server keeps a session of which it hears nothing, in milliseconds. @defaultValue 30000 */
  readonly sessionTimeoutMs?: number | undefined;
  /** The waits between attempts to connect. */
  readonly reconnect?: BackoffOptions | undefined;
}

/**
 * A registry inside this process, with everything a real one has: sessions, owners, expiry, watches, faults.
 *
 * It runs on the scheduler of its server, in virtual time too.
 *
 * @throws InvalidOptionError
 *
 * @example
 * ```ts
 * const server = new MemoryServer();
 * const registry = createRegistry(memory({ server, sessionTimeoutMs: 4_000 }));
 * ```
 */
export function memory(options: MemoryOptions = {}): Backend {
  const { server = new MemoryServer(), sessionTimeoutMs = 30_000, reconnect } = optionsObject(options);
  positiveMs('sessionTimeoutMs', sessionTimeoutMs);
  const target = typeof server === 'string' ? memoryServer(server) : server;
  const backend: Backend = connect((previous) => served(openLink(target, backend, previous, sessionTimeoutMs)), {
    name: 'memory',
    identity: `memory://${typeof server === 'string' ? server : target.id}`,
    sessionTimeoutMs,
    scheduler: target.scheduler,
    ...(reconnect && { reconnect }),
  });
  return backend;
}

/** Opens a connection of a client to a server, with the session that it had or a new one. */
export function openLink(
  server: MemoryServer,
  client: MemoryClient,
  previous: Session | undefined,
  timeoutMs: number,
): Observable<Link> {
  return new Observable<Link>((subscriber) => {
    subscriber.add(
      server.open(
        client,
        previous?.id,
        timeoutMs,
        (link) => carry(server, link, previous, timeoutMs, subscriber),
        (error) => subscriber.error(error),
      ),
    );
  });
}

function carry(
  server: MemoryServer,
  link: MemoryLink,
  previous: Session | undefined,
  timeoutMs: number,
  subscriber: Subscriber<Link>,
): void {
  const session = previous instanceof MemorySession ? previous : new MemorySession(server, link.sessionId, timeoutMs);
  session.attach(link);
  let ending = false;
  let isFirst = true;
  const drop = (): void => {
    session.attach(undefined);
    server.drop(link);
  };
  subscriber.add(() => {
    if (!ending) drop();
  });
  subscriber.add(link.broken.subscribe({ error: (error: unknown) => subscriber.error(error) }));
  subscriber.next({
    session,
    ping: () => {
      const ping = isFirst ? link.served : session.list('/');
      isFirst = false;
      return ping;
    },
    end: () =>
      new Observable((done) => {
        ending = true;
        const pending = server.end(link, () => done.complete());
        return () => {
          pending.unsubscribe();
          drop();
        };
      }),
  });
}

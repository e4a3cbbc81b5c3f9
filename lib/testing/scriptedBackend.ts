import {
  concat,
  defer,
  distinctUntilChanged,
  endWith,
  EMPTY,
  filter,
  finalize,
  map,
  type Observable,
  of,
  ReplaySubject,
  scan,
  share,
  startWith,
  switchMap,
  takeUntil,
  tap,
  throwError,
} from 'rxjs';
import type { MemoryServer } from '../backends/memory/index.js';
import { openLink } from '../backends/memory/memory.js';
import { type ConnectionEvent, connectionReducer } from '../connection/connectionReducer.js';
import { RegistryError } from '../errors.js';
import type { Backend, ConnectionState, Session } from '../port/index.js';
import type { ConnectionLetter } from './connectionScript.js';

/** What happens to a connection: what was last, and what is to come. */
export interface ConnectionScript {
  /** The last letter so far; `undefined` before the first. */
  readonly present: ConnectionLetter | undefined;
  /** The letters from now on, each at its time. */
  readonly upcoming: Observable<ConnectionLetter>;
}

/** How a {@link scriptedBackend} is. */
export interface ScriptedBackendOptions {
  readonly name: string;
  /** What sessions say of their timeout, in milliseconds: how long one that is left behind stays. */
  readonly sessionTimeoutMs: number;
}

/**
 * A client of a server that is connected when a script says so, and not when it does not.
 *
 * What its sessions do there is real; only when there is one is not its own to find out. Who subscribes first in the middle
 * of the script is connecting until the next `c`, unless it is connected at present.
 */
export function scriptedBackend(
  server: MemoryServer,
  script: ConnectionScript,
  options: ScriptedBackendOptions,
): Backend {
  const { name, sessionTimeoutMs } = options;
  const client = {};
  const closing = new ReplaySubject<void>(1);

  const states = defer(() => {
    if (script.present === 'x') closing.next();
    let state: ConnectionState | undefined;
    let session: Session | undefined;

    const happen = (letter: ConnectionLetter): Observable<ConnectionEvent> => {
      switch (letter) {
        case 'k':
          return of({ type: 'attempt', cause: noServer() });
        case 'c':
          return concat(
            state?.status === 'lost' ? of<ConnectionEvent>({ type: 'attempt', cause: state.cause }) : EMPTY,
            openLink(server, client, session, sessionTimeoutMs).pipe(
              map((link): ConnectionEvent => ({ type: 'up', session: (session = link.session) })),
            ),
          );
        case 's':
          return of({ type: 'down', cause: noServer() });
        case 'l': {
          // Who has no connection is not told by the server: it is the verdict of its own clock.
          const type = state?.status === 'connected' ? 'expired' : 'overdue';
          if (session) server.expire(session.id);
          session = undefined;
          return of({ type, cause: new RegistryError('SESSION_EXPIRED', 'The script says that the session is over.') });
        }
        case 'x':
          closing.next();
          return EMPTY;
        case '#':
          return throwError(() => new RegistryError('NOT_AUTHORIZED', 'The script says that the registry refuses us.'));
      }
    };

    const present = script.present === 'c' || script.present === '#' ? of(script.present) : EMPTY;
    return concat(present, script.upcoming).pipe(
      // Leaving `c` lets its connection go.
      switchMap(happen),
      startWith<ConnectionEvent>({ type: 'attempt' }),
      scan(connectionReducer, undefined),
      filter((next): next is ConnectionState => next !== undefined),
      distinctUntilChanged(),
      tap((next) => (state = next)),
      takeUntil(closing),
      finalize(() => {
        if (!session) return;
        const { id } = session;
        if (state?.status === 'connected') server.expire(id);
        else server.scheduler.schedule(() => server.expire(id), sessionTimeoutMs);
      }),
      endWith<ConnectionState>({ status: 'closed' }),
    );
  }).pipe(share({ connector: () => new ReplaySubject(1), resetOnComplete: false }));

  return {
    name,
    scheduler: server.scheduler,
    states,
    close: () => {
      closing.next();
      return Promise.resolve();
    },
  };
}

function noServer(): RegistryError {
  return new RegistryError('CONNECTION_LOST', 'The script says that there is no server.');
}

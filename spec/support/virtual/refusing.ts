import { concat, ignoreElements, map, type Observable, throwError } from 'rxjs';
import { RegistryError } from '../../../lib/errors.js';
import type { Backend, Session } from '../../../lib/port/index.js';

/**
 * A backend whose sessions may not do what `refuses` says, as with an ACL that somebody has changed; `'after'` is for what is
 * carried out and said to have failed.
 */
export function refusing(
  backend: Backend,
  refuses: (method: keyof Session, path: string) => boolean | 'after',
): Backend {
  const guarded = new WeakMap<Session, Session>();
  const guard = (session: Session): Session => {
    const known = guarded.get(session);
    if (known) return known;
    const proxy = new Proxy(session, {
      get: (target, method: keyof Session) => {
        if (method === 'id' || method === 'timeoutMs') return target[method];
        const operations = target as unknown as Record<
          string,
          (path: string, ...rest: unknown[]) => Observable<unknown>
        >;
        return (path: string, ...rest: unknown[]): Observable<unknown> => {
          const refused = refuses(method, path);
          if (refused === true) return throwError(() => new RegistryError('NOT_AUTHORIZED', 'not permitted'));
          const operation = operations[method]!(path, ...rest);
          if (refused === false) return operation;
          const failed = throwError(() => new RegistryError('SERVER_ERROR', 'failed, or so it says'));
          return concat(operation.pipe(ignoreElements()), failed);
        };
      },
    });
    guarded.set(session, proxy);
    return proxy;
  };
  return {
    ...backend,
    states: backend.states.pipe(
      map((state) => ('session' in state ? { ...state, session: guard(state.session) } : state)),
    ),
  };
}

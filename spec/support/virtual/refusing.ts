import { map, type Observable, throwError } from 'rxjs';
import { RegistryError } from '../../../lib/errors.js';
import type { Backend, Session } from '../../../lib/port/index.js';

/** A backend whose sessions may not read what `refuses` says, as with an ACL that somebody has changed. */
export function refusing(backend: Backend, refuses: (method: keyof Session, path: string) => boolean): Backend {
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
        return (path: string, ...rest: unknown[]): Observable<unknown> =>
          refuses(method, path)
            ? throwError(() => new RegistryError('NOT_AUTHORIZED', 'not permitted'))
            : operations[method]!(path, ...rest);
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

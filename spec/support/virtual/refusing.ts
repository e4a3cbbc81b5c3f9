import { concat, ignoreElements, map, type Observable, throwError } from 'rxjs';
import { RegistryError } from '../../../lib/errors.js';
import {
  type Backend,
  type DirectoryChange,
  type DirectoryOptions,
  type DirectorySetChange,
  type RegistryNode,
  type Session,
  watchEachDirectory,
} from '../../../lib/port/index.js';

/**
 * A backend whose sessions may not do what `refuses` says, as with an ACL that somebody has changed; `'before'` is for what
 * fails for now, `'after'` for what is carried out and said to have failed.
 */
export function refusing(
  backend: Backend,
  refuses: (method: keyof Session, path: string) => boolean | 'before' | 'after',
): Backend {
  const guarded = new WeakMap<Session, Session>();
  const guard = (session: Session): Session => {
    const known = guarded.get(session);
    if (known) return known;
    const proxy = guardOperations(session);
    guarded.set(session, proxy);
    return proxy;
  };
  const guardOperations = <T extends object>(operations: T): T =>
    new Proxy(operations, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member === 'object' && member !== null) return guardOperations(member);
        if (typeof member !== 'function') return member;
        const method = (name === 'watch' ? 'watchNode' : name) as keyof Session;
        if (method === 'watchDirectories') {
          const watch = (path: string, options: DirectoryOptions): Observable<DirectoryChange> =>
            (guardOperations(target) as unknown as Session).watchDirectory(path, options);
          return (changes: Observable<DirectorySetChange>) => watchEachDirectory(changes, watch);
        }
        return (first: string | RegistryNode, ...rest: unknown[]): Observable<unknown> => {
          const refused = refuses(method, typeof first === 'object' ? first.path : first);
          if (refused === true) return throwError(() => new RegistryError('NOT_AUTHORIZED', 'not permitted'));
          const operation = member.call(target, first, ...rest) as Observable<unknown>;
          if (refused === false) return operation;
          const failed = throwError(() => new RegistryError('SERVER_ERROR', 'failed, or so it says'));
          if (refused === 'before') return failed;
          return concat(operation.pipe(ignoreElements()), failed);
        };
      },
    });
  return {
    ...backend,
    states: backend.states.pipe(
      map((state) => ('session' in state ? { ...state, session: guard(state.session) } : state)),
    ),
  };
}

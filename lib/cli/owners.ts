import { catchError, from, map, mergeMap, type Observable, of, switchMap, take, timeout, toArray } from 'rxjs';
import { whileConnected } from '../connection/index.js';
import { categoryPath, fromNodeName, instanceKey } from '../dubbo/index.js';
import { childOf } from '../internal/path.js';
import type { Session } from '../port/index.js';
import type { Registry } from '../registry.js';

/** Each node is read on its own: of more than so many, no owners are looked for. */
const MOST_READ = 2_000;
const AT_ONCE = 64;
const TIMEOUT_MS = 3_000;

/** The sessions that hold the nodes of a service, by instance; empty where they cannot be read. Emits once. */
export function ownersOf(registry: Registry, root: string, service: string): Observable<ReadonlyMap<string, string>> {
  if (service === '*') return of(new Map());
  return registry.states.pipe(
    whileConnected((session) =>
      from(['providers', 'consumers']).pipe(
        mergeMap((category) => ownersIn(session, categoryPath(root, service, category))),
        toArray(),
        map((owners) => new Map(owners)),
      ),
    ),
    take(1),
    // The owner is one column: nothing else waits for it, or fails with it.
    timeout(TIMEOUT_MS),
    catchError(() => of(new Map<string, string>())),
  );
}

function ownersIn(session: Session, directory: string): Observable<readonly [key: string, owner: string]> {
  return session.list(directory).pipe(
    switchMap((names) => (names.length > MOST_READ ? [] : names)),
    mergeMap((name) => session.read(childOf(directory, name)), AT_ONCE),
    mergeMap((node) => {
      const key = node && keyOf(node.path);
      return key && node.owner ? [[key, node.owner] as const] : [];
    }),
  );
}

function keyOf(path: string): string | undefined {
  try {
    return instanceKey(fromNodeName(path.slice(path.lastIndexOf('/') + 1)));
  } catch {
    return undefined;
  }
}

import { catchError, defer, map, type Observable, of, switchMap, throwError } from 'rxjs';
import { type ErrorCode, RegistryError } from '../errors.js';
import { orElse } from '../internal/orElse.js';
import type { RegistryNode, Session } from '../port/index.js';
import type { Attempts } from './attempts.js';
import type { ExpectedVersion } from './configErrors.js';

/** The key does not have the version that it must have; `inDoubt` if an earlier attempt of ours may be why. */
export class Refused extends Error {
  readonly node: RegistryNode | undefined;
  readonly inDoubt: boolean;

  constructor(node: RegistryNode | undefined, inDoubt: boolean) {
    super('refused');
    this.node = node;
    this.inDoubt = inDoubt;
  }
}

/** Writes a node, there or not. Once more where an answer was lost and the node is not what was written. */
export function put(session: Session, path: string, data: Uint8Array, attempts: Attempts): Observable<RegistryNode> {
  const write: Observable<RegistryNode> = orElse('NO_NODE', attempts.send(session.write(path, data)), () =>
    orElse('NODE_EXISTS', attempts.send(session.create(path, { data })), () => defer(() => write)),
  );
  if (!attempts.inDoubt) return write;
  return session.read(path).pipe(switchMap((node) => (node && Buffer.from(data).equals(node.data) ? of(node) : write)));
}

/**
 * Writes a node that has that version. Errors with {@link Refused} where it has not.
 *
 * To try again after a lost answer is safe: what the first attempt did makes the condition of the second one fail. But for
 * absence, which comes again when somebody removes what we made: then nobody can tell.
 */
export function putIf(
  session: Session,
  path: string,
  data: Uint8Array,
  expected: ExpectedVersion,
  attempts: Attempts,
): Observable<RegistryNode> {
  const write = defer(() =>
    expected === 'absent' ? session.create(path, { data }) : session.write(path, data, { version: expected }),
  );
  const refusals: readonly ErrorCode[] = expected === 'absent' ? ['NODE_EXISTS'] : ['CONFLICT', 'NO_NODE'];
  const attempt: Observable<RegistryNode> = defer(() => {
    const look = refused(session, path, expected, attempts, attempt);
    if (expected === 'absent' && attempts.inDoubt) return look;
    return attempts
      .send(write)
      .pipe(
        catchError((error: unknown) =>
          error instanceof RegistryError && refusals.includes(error.code) ? look : throwError(() => error),
        ),
      );
  });
  return attempt;
}

/** Removes a node, or one that has that version; errors with {@link Refused} where it has not. */
export function drop(
  session: Session,
  path: string,
  expected: bigint | undefined,
  attempts: Attempts,
): Observable<void> {
  if (expected === undefined) return attempts.send(session.remove(path)).pipe(map(() => undefined));
  const attempt: Observable<void> = orElse('CONFLICT', attempts.send(session.remove(path, { version: expected })), () =>
    of(false),
  ).pipe(switchMap((gone) => (gone ? of(undefined) : refused(session, path, expected, attempts, attempt))));
  return attempt;
}

/** Looks what is there instead; where it is what was expected by now, and we have no part in that, it is time to try again. */
function refused<T>(
  session: Session,
  path: string,
  expected: ExpectedVersion,
  attempts: Attempts,
  again: Observable<T>,
): Observable<T> {
  return session.read(path).pipe(
    switchMap((node) => {
      const holds = (node?.version ?? 'absent') === expected;
      return holds && !attempts.inDoubt ? again : throwError(() => new Refused(node, attempts.inDoubt));
    }),
  );
}

import { catchError, concatMap, EMPTY, from, ignoreElements, mergeMap, type Observable, throwError } from 'rxjs';
import { isAnswer } from '../internal/isAnswer.js';
import { childOf, nameOf, parentOf } from '../internal/path.js';
import type { Session } from '../port/index.js';

/** How many nodes are read at a time. */
const AT_ONCE = 16;

/**
 * Removes the other persistent nodes of a service instance from the directory of its node: a persistent node outlives the process
 * that made it, and the next one gives it another name, with another `pid` and `timestamp`.
 *
 * Completes when nothing is left to remove; what may not be removed stays. Errors when the connection is lost.
 *
 * @param isSame - Whether the name of a node is one of the same instance.
 */
export function replaceFormer(session: Session, path: string, isSame: (name: string) => boolean): Observable<never> {
  const directory = parentOf(path);
  const own = nameOf(path);
  const remove = (name: string): Observable<unknown> =>
    session.read(childOf(directory, name)).pipe(
      // Behind an ephemeral node lives another process; that one takes it back itself.
      concatMap((node) =>
        node && node.owner === undefined ? session.remove(node.path, { version: node.version }) : EMPTY,
      ),
      skipAnswers(),
    );
  return session.list(directory).pipe(
    skipAnswers(),
    concatMap((names) => from(names.filter((name) => name !== own && isSame(name)))),
    mergeMap(remove, AT_ONCE),
    ignoreElements(),
  );
}

/** Goes on where the server refuses: only without an answer is it worth trying again. */
function skipAnswers<T>(): (source: Observable<T>) => Observable<T> {
  return catchError((error: unknown) => (isAnswer(error) ? EMPTY : throwError(() => error)));
}

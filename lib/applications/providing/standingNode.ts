import { concatMap, defer, type Observable, of, retry, throwError, timer } from 'rxjs';
import type { SchedulerLike } from 'rxjs';
import { RegistryError } from '../../errors.js';
import { hasCode } from '../../internal/orElse.js';
import type { RegistryNode, Session } from '../../port/index.js';

/** How often a write is tried again that somebody else was faster than. */
const MOST_CONFLICTS = 10;
/** Within how many milliseconds, so that those who met once do not meet again. */
const CONFLICT_WAIT_MS = 100;

/** Who writes a {@link standingNode}. */
export interface Writer {
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
}

/**
 * Keeps a persistent node what it shall be, as long as it is subscribed to; emits whenever it is.
 *
 * Every write is on the condition that the node is what it was when that was decided. Cold; errors with what the server says, and
 * with `CONFLICT` when somebody else was faster ten times. Unsubscribing leaves the node as it is.
 *
 * @param change - What the content becomes, `undefined` if it may stay; told `undefined` where there is no node.
 */
export function standingNode(
  session: Session,
  path: string,
  change: (content: string | undefined) => string | undefined,
  { scheduler, random }: Writer,
): Observable<RegistryNode> {
  const attempt = (node: RegistryNode | undefined): Observable<RegistryNode> => {
    const content = change(node && new TextDecoder().decode(node.data));
    if (content === undefined) return node ? of(node) : throwError(() => new RegistryError('NO_NODE', `No ${path}.`));
    const data = new TextEncoder().encode(content);
    return node ? session.write(path, data, { version: node.version }) : session.create(path, { data });
  };
  const settle = (seen: RegistryNode | undefined): Observable<RegistryNode> => {
    let isFirst = true;
    return defer(() => {
      // What was seen was overtaken by another writer: look again.
      const known = isFirst ? of(seen) : session.read(path);
      isFirst = false;
      return known.pipe(concatMap(attempt));
    }).pipe(
      retry({
        count: MOST_CONFLICTS,
        delay: (error: unknown) =>
          isOvertaken(error) ? timer(random() * CONFLICT_WAIT_MS, scheduler) : throwError(() => error),
      }),
    );
  };
  return session.watchNode(path).pipe(concatMap(settle));
}

function isOvertaken(error: unknown): boolean {
  return hasCode(error, 'CONFLICT') || hasCode(error, 'NODE_EXISTS') || hasCode(error, 'NO_NODE');
}

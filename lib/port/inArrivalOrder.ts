import { catchError, map, type Observable, throwError } from 'rxjs';
import { NodeExistsError } from './nodeExistsError.js';
import type { NodeOperations, NodeState, RegistryNode, Session } from './session.js';

/**
 * The {@link NodeOperations} of a session whose connection keeps the order: what arrives later is later.
 *
 * The answers and watches of such a server come one after another in the order of its history, so each gets the number of its
 * arrival as its position.
 */
export function inArrivalOrder(
  session: Pick<Session, 'create' | 'takeOver' | 'move' | 'read' | 'write' | 'remove' | 'watchNode'>,
): NodeOperations {
  let arrivals = 0n;
  const arrived = (node: RegistryNode | undefined): NodeState => ({ node, position: (arrivals += 1n) });
  const ordered = (source: Observable<RegistryNode | undefined>): Observable<NodeState> => source.pipe(map(arrived));
  return {
    create: (path, options) =>
      ordered(session.create(path, options)).pipe(
        catchError((error: unknown) =>
          throwError(() =>
            error instanceof NodeExistsError ? new NodeExistsError(error.message, error.node, (arrivals += 1n)) : error,
          ),
        ),
      ),
    takeOver: (node, options) => ordered(session.takeOver(node, options)),
    move: (node, path, options) => ordered(session.move(node, path, options)),
    read: (path) => ordered(session.read(path)),
    write: (path, data, condition) => ordered(session.write(path, data, condition)),
    remove: (path, condition) => session.remove(path, condition).pipe(map(() => arrived(undefined))),
    watch: (path, known) => ordered(session.watchNode(path, known)),
  };
}

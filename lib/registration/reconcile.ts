import {
  asyncScheduler,
  defer,
  EMPTY,
  finalize,
  ignoreElements,
  merge,
  type Observable,
  type SchedulerLike,
  Subscription,
  tap,
  timer,
} from 'rxjs';
import { type BackoffOptions, fullJitter } from '../connection/index.js';
import type { NodeState, RegistryNode, Session } from '../port/index.js';
import type { NodeEvent } from './nodeEvents.js';
import { canMove } from './nodeReducer.js';
import type { NodeEntry, NodeTable, TableEffect } from './nodeTable.js';
import { replaceFormer } from './replaceFormer.js';

/** How {@link reconcile} waits. */
export interface ReconcileOptions {
  /** The waits after something failed, for each node on its own. */
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
}

/**
 * Makes the nodes of a session what the table desires, for as long as it is subscribed to: first all of them, then whatever
 * changes. A node that fails is retried on its own, with backoff.
 *
 * ```text
 *  session          --[----------------------]--
 *  desired            a b        -b   c
 *  reconcile(…)       +a +b      -b   +c          what is asked of the session
 *  b fails              # … +b
 * ```
 *
 * Emits nothing and never completes. Unsubscribing leaves what is under way, and every watch.
 */
export function reconcile(session: Session, table: NodeTable, options: ReconcileOptions = {}): Observable<never> {
  const { retry, scheduler = asyncScheduler } = options;
  const backoff = fullJitter(retry);
  const wait = (failures: number): Observable<number> => timer(backoff(failures), scheduler);

  const perform = ({ entry, effect }: TableEffect): void => {
    const { record } = entry;
    const { path, ephemeral, data, observed, failures } = record;
    const make = { ephemeral, ...(data && { data }) };
    const node = observed as RegistryNode;
    const operate = <T>(operation: Observable<T>, toEvent: (answer: T) => NodeEvent): void =>
      run(table, entry, operation, toEvent);
    switch (effect) {
      case 'create': {
        const { former } = entry;
        if (former && canMove(former.record, record)) return move(former, entry);
        return operate(session.nodes.create(path, make), answered);
      }
      case 'takeOver':
        return operate(session.nodes.takeOver(node, make), answered);
      case 'write':
        return operate(session.nodes.write(path, data!, { version: node.version }), answered);
      case 'remove':
        return operate(
          session.nodes.remove(path, ephemeral ? { owner: session.id } : { version: node.version }),
          answered,
        );
      case 'replaceOthers':
        return operate(replaceFormer(session, path, entry.isOther!), () => ({ type: 'replaced' }));
      case 'read':
        return operate(session.nodes.read(path), answered);
      case 'wait':
        return operate(wait(failures), () => ({ type: 'waited' }));
      case 'watch':
        return watch(entry);
      case 'watchLater':
        entry.watch = wait(record.watchFailures).subscribe(() => table.step(entry, { type: 'watchDue' }));
    }
  };

  /** The node that moves is told before the one whose place it takes: by then nobody may want that any more. */
  const move = (from: NodeEntry, to: NodeEntry): void => {
    const { path, ephemeral, data } = to.record;
    let position: bigint | undefined;
    const moved = session.nodes
      .move(from.record.observed as RegistryNode, path, { ephemeral, ...(data && { data }) })
      .pipe(tap((state) => (position = state.position)));
    table.step(from, { type: 'moving' });
    run(table, to, moved, answered, () => table.step(from, { type: 'moved', position }));
  };

  const watch = (entry: NodeEntry): void => {
    const watching = (entry.watch = new Subscription());
    const { path, standing, watchFailures } = entry.record;
    watching.add(
      // What it was is only of use the first time: if that is refused, reading may not be.
      session.nodes.watch(path, watchFailures === 0 ? standing : undefined).subscribe({
        next: (state) => table.step(entry, { type: 'seen', state }),
        error: (error: unknown) => table.step(entry, { type: 'watchFailed', error }),
      }),
    );
  };

  const asserted = defer(() => {
    table.connect(session);
    return EMPTY;
  });
  return merge(table.effects.pipe(tap(perform)), asserted).pipe(
    ignoreElements(),
    finalize(() => table.disconnect()),
  );
}

function answered(state: NodeState): NodeEvent {
  return { type: 'answered', state };
}

/** Does one thing to its end; the table is told of its last value, or of its error. */
function run<T>(
  table: NodeTable,
  entry: NodeEntry,
  operation: Observable<T>,
  toEvent: (answer: T) => NodeEvent,
  afterwards: () => void = () => undefined,
): void {
  entry.operation?.unsubscribe();
  // Before it is subscribed to: it may be over by the time that returns.
  const running = (entry.operation = new Subscription());
  const end = (event: NodeEvent): void => {
    if (entry.operation === running) entry.operation = undefined;
    table.step(entry, event);
    afterwards();
  };
  let answer: T;
  running.add(
    operation.subscribe({
      next: (value) => (answer = value),
      error: (error: unknown) => end({ type: 'failed', error }),
      complete: () => end(toEvent(answer)),
    }),
  );
}

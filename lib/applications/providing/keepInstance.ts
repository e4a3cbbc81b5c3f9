import {
  catchError,
  concat,
  concatMap,
  defer,
  distinctUntilChanged,
  EMPTY,
  exhaustMap,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  switchMap,
  tap,
  throwError,
} from 'rxjs';
import { RegistryError } from '../../errors.js';
import { isAnswer } from '../../internal/isAnswer.js';
import { hasCode } from '../../internal/orElse.js';
import { quoted } from '../../internal/quoted.js';
import type { NodeState, RegistryNode, Session } from '../../port/index.js';
import { decide, type Observed } from './decide.js';
import type { Foundations } from './foundations.js';
import type { InstanceEntry } from './instanceEntry.js';
import type { Publication } from './publication.js';

/** What is known of a node in one connection. */
interface Known {
  observed: Observed;
  position: bigint;
}

/**
 * Keeps the node of one instance what it shall be, in one connection, until unsubscribed.
 *
 * ```text
 *  wanted        a--------b---------x        x: nothing any more
 *  foundations   --a        --b              metadata and mapping stand
 *  node          ---+a--------=b----|
 * ```
 *
 * A change is written in place, after the metadata that it names. Cold; completes never; errors with what the server says, to be
 * tried again: it then begins with a look.
 */
export function keepInstance(session: Session, entry: InstanceEntry, foundations: Foundations): Observable<never> {
  return defer(() => {
    const known: Known = { observed: 'unknown', position: -1n };
    /** The newest publication whose foundations stand; what is newer waits for them. */
    let ready: Publication | undefined;
    entry.begin(session);

    const wanted = entry.wanted.pipe(
      distinctUntilChanged(),
      switchMap((publication) =>
        publication
          ? foundations.of(entry.address.application, publication).pipe(map(() => publication))
          : of(undefined),
      ),
      tap((publication) => (ready = publication)),
    );
    const watched = session.nodes.watch(entry.path).pipe(tap((state) => observe(known, state)));

    const step = (): Observable<never> =>
      defer(() => {
        // What is not wanted any more is taken back at once; what is, waits for its foundations.
        if (entry.wanted.value && !ready) return EMPTY;
        const next = nextStep(session, entry, known, ready);
        return next ? concat(next, step()) : EMPTY;
      });
    return merge(wanted, watched).pipe(exhaustMap(step), ignoreElements());
  });
}

/** The next thing to do; `undefined` at rest. */
function nextStep(
  session: Session,
  entry: InstanceEntry,
  known: Known,
  ready: Publication | undefined,
): Observable<never> | undefined {
  const { path } = entry;
  const { observed } = known;
  const publication = entry.wanted.value && ready;
  const options = { data: new TextEncoder().encode(publication?.instance), ephemeral: true };
  const node = observed as RegistryNode;
  const action = decide({
    desired: publication ? 'present' : 'absent',
    observed,
    sessionId: session.id,
    ephemeral: true,
    fresh: entry.fresh,
    held: entry.held,
    unanswered: entry.unanswered > 0,
  });
  switch (action) {
    case 'look':
      return undefined;
    case 'create':
      return write(session, entry, known, session.nodes.create(path, options));
    case 'takeOver':
      return write(session, entry, known, session.nodes.takeOver(node, options));
    case 'hold':
      entry.held = true;
      if (publication && new TextDecoder().decode(node.data) !== publication.instance) {
        const written = session.write(path, options.data, { version: node.version });
        return write(session, entry, known, written.pipe(map((now) => ({ node: now, position: known.position }))));
      }
      if (publication) entry.tell({ status: 'registered', serial: publication.serial });
      return undefined;
    case 'yield':
      entry.tell({ status: 'refused', cause: contested(node) });
      return undefined;
    case 'remove':
      return act(
        session,
        entry,
        known,
        session.nodes.remove(path, { owner: session.id }).pipe(tap(() => (entry.unanswered = 0))),
      );
    case 'done':
      entry.held = false;
      entry.tell({ status: 'released' });
      return undefined;
  }
}

/** Makes the node ours; a write that is not answered may yet be carried out. */
function write(
  session: Session,
  entry: InstanceEntry,
  known: Known,
  operation: Observable<NodeState>,
): Observable<never> {
  return defer(() => {
    entry.fresh = false;
    entry.unanswered += 1;
    const answered = (): void => void (entry.unanswered -= 1);
    return act(
      session,
      entry,
      known,
      operation.pipe(tap({ next: answered, error: (error: unknown) => isAnswer(error) && answered() })),
    );
  });
}

/** Carries an operation out; where the node is not what it was taken for, looks. */
function act(
  session: Session,
  entry: InstanceEntry,
  known: Known,
  operation: Observable<NodeState>,
): Observable<never> {
  const before = known.observed;
  const surprised = (error: unknown): Observable<NodeState> => {
    if (!isSurprise(error)) return throwError(() => error);
    return session.nodes
      .read(entry.path)
      .pipe(concatMap((state) => (isSame(before, state.node ?? 'absent') ? throwError(() => error) : of(state))));
  };
  return operation.pipe(
    catchError(surprised),
    tap((state) => observe(known, state)),
    ignoreElements(),
  );
}

/** Takes note of what was heard, unless something newer is known: an answer and a watch may overtake each other. */
function observe(known: Known, { node, position }: NodeState): void {
  const { observed } = known;
  if (position < known.position) return;
  // The answer to a write in place has no position of its own.
  if (node && typeof observed === 'object' && node.version < observed.version) return;
  known.observed = node ?? 'absent';
  known.position = position;
}

function isSurprise(error: unknown): boolean {
  return hasCode(error, 'NODE_EXISTS') || hasCode(error, 'CONFLICT') || hasCode(error, 'NO_NODE');
}

function isSame(a: Observed, b: Observed): boolean {
  return typeof a === 'string' || typeof b === 'string' ? a === b : a.version === b.version;
}

function contested({ owner, path }: RegistryNode): RegistryError {
  return new RegistryError(
    'CONTESTED_REGISTRATION',
    `Another live session, ${owner}, took over ${quoted(path)}: left to it until it goes.`,
  );
}

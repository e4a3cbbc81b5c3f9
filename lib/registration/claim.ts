import {
  asyncScheduler,
  BehaviorSubject,
  catchError,
  concat,
  concatMap,
  defer,
  distinctUntilChanged,
  EMPTY,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  race,
  ReplaySubject,
  type SchedulerLike,
  skip,
  startWith,
  Subject,
  switchMap,
  take,
  takeWhile,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { type BackoffOptions, fullJitter, isFatalError, retryWithBackoff } from '../connection/index.js';
import { RegistryError } from '../errors.js';
import { quoted } from '../internal/quoted.js';
import type { ConnectionState, CreateOptions, RegistryNode, Session } from '../port/index.js';
import { decide, type Observed } from './decide.js';

/** What became of a {@link Claim} so far. */
export type ClaimState =
  | { readonly status: 'pending'; readonly cause?: Error }
  | { readonly status: 'registered'; readonly node: RegistryNode }
  | { readonly status: 'suspended'; readonly cause: Error }
  | { readonly status: 'released' };

/** How a {@link Claim} is kept. */
export interface ClaimOptions {
  readonly ephemeral: boolean;
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
  /** Told of what does not end the claim but should be known. */
  readonly warn?: (error: Error) => void;
}

/**
 * One node that shall be there, or shall not: asserted anew whenever the connection reaches connected.
 *
 * ```text
 *  connection   --c------------s----c------------
 *  node           +                 (looked at)
 *  states       p---r----------s------r----------    p: pending, r: registered, s: suspended
 * ```
 *
 * It ends, with `released`, when the node shall not be there and nothing of ours is left of it. Making and taking back
 * run one after the other, each decided on what is known when its turn comes, so a late removal can never meet a newer
 * wish. Errors with what can never succeed, as long as it never has.
 */
export class Claim {
  readonly path: string;
  readonly #options: ClaimOptions;
  readonly #desired = new BehaviorSubject<'present' | 'absent'>('present');
  readonly #states: Observable<ClaimState>;
  /** Whether a node of ours can be there: a claim that was never sent needs no taking back. */
  #touched = false;
  #registered = false;
  /** The session that acted last, and whether it has held the node. */
  #session: Session | undefined;
  #held = false;
  /** Whether the node stood when we last saw it. */
  #standing = false;
  /** How many writes of that session were never answered. */
  #unanswered = 0;

  constructor(path: string, connection: Observable<ConnectionState>, options: ClaimOptions) {
    this.path = path;
    this.#options = options;
    this.#states = merge(
      connection.pipe(switchMap((state) => this.#during(state))),
      this.#desired.pipe(
        switchMap((desired): Observable<ClaimState> => {
          if (desired === 'present') return EMPTY;
          // What held before is not the outcome of a later wish: that is told anew.
          return of(this.#touched ? { status: 'pending' } : { status: 'released' });
        }),
      ),
    ).pipe(
      startWith<ClaimState>({ status: 'pending' }),
      takeWhile((state) => state.status !== 'released', true),
      distinctUntilChanged(sameState),
    );
  }

  /** What becomes of it. Cold: subscribing starts the work, unsubscribing drops it without taking anything back. */
  get states(): Observable<ClaimState> {
    return this.#states;
  }

  /** Says whether the node shall be there. */
  want(desired: 'present' | 'absent'): void {
    this.#desired.next(desired);
  }

  #during(state: ConnectionState): Observable<ClaimState> {
    switch (state.status) {
      case 'connected':
        return this.#reconcile(state.session);
      case 'suspended':
        return of(
          this.#standing ? { status: 'suspended', cause: state.cause } : { status: 'pending', cause: state.cause },
        );
      case 'lost':
        this.#standing = false;
        return of({ status: 'pending', cause: state.cause });
      case 'connecting':
        return state.cause ? of({ status: 'pending', cause: state.cause }) : of({ status: 'pending' });
      case 'closed':
        // What is left of it goes with the session.
        return of({ status: 'released' });
    }
  }

  #reconcile(session: Session): Observable<ClaimState> {
    return defer(() => {
      if (this.#session !== session) {
        this.#held = this.#standing = false;
        this.#unanswered = 0;
      }
      let fresh = this.#session !== session;
      this.#session = session;
      const { ephemeral, retry = {}, scheduler = asyncScheduler } = this.#options;
      const create: CreateOptions = { ephemeral };
      const backoff = fullJitter(retry);
      // What could be done once can be done again.
      const isFatal = (error: unknown): boolean => isFatalError(error) && !this.#registered;
      const patiently = { ...retry, scheduler, isFatal };
      let failures = 0;
      const observed = new BehaviorSubject<Observed>('unknown');
      const watching = new ReplaySubject<void>(1);
      const troubles = new Subject<ClaimState>();
      // As long as it is not known what is there; losing sight of a node that was seen is not losing it.
      const tell = (cause: unknown): void => {
        if (observed.value !== 'unknown' || !(cause instanceof Error)) return;
        troubles.next({ status: this.#standing ? 'suspended' : 'pending', cause });
      };

      const observe = (node: RegistryNode | undefined): void => observed.next(node ?? 'absent');
      const readAgain = defer(() => session.read(this.path)).pipe(tap(observe), ignoreElements());

      const act = (known: Observed, operation: Observable<RegistryNode | undefined>): Observable<ClaimState> =>
        operation.pipe(
          tap((node) => {
            failures = 0;
            observe(node);
          }),
          ignoreElements(),
          // Not what we thought is there: look, and decide again. Where it is as we thought, this is a failure like others.
          catchError((error: unknown) => {
            if (!isSurprise(error)) return throwError(() => error);
            return session.read(this.path).pipe(
              switchMap((node) => {
                if (sameNode(known, node ?? 'absent')) return throwError(() => error);
                observe(node);
                return EMPTY;
              }),
            );
          }),
          catchError((error: unknown) => failed(error)),
        );

      // Not taken back when the connection goes while it is under way: then nobody will ever answer.
      const sent = (write: Observable<RegistryNode>): Observable<RegistryNode> =>
        defer(() => {
          this.#unanswered += 1;
          const answered = (): void => void (this.#unanswered -= 1);
          return write.pipe(tap({ next: answered, error: (error: unknown) => isAnswer(error) && answered() }));
        });

      const failed = (error: unknown): Observable<ClaimState> => {
        if (isFatal(error)) return throwError(() => error);
        failures += 1;
        const cause = error instanceof Error ? error : new Error(String(error));
        // A change of mind need not wait: it may be what ends the trouble.
        const wait = race(timer(backoff(failures), scheduler), this.#desired.pipe(skip(1))).pipe(
          take(1),
          ignoreElements(),
        );
        // Whether the operation was carried out is not known: only reading tells.
        const look = readAgain.pipe(retryWithBackoff(patiently));
        return concat(of<ClaimState>({ status: 'pending', cause }), wait, look);
      };

      const turn = (): Observable<ClaimState> => {
        const desired = this.#desired.value;
        const known = observed.value;
        const action = decide({
          ...{ desired, observed: known, sessionId: session.id, ephemeral, fresh, held: this.#held },
          unanswered: ephemeral && this.#unanswered > 0,
        });
        const node = known as RegistryNode;
        switch (action) {
          case 'look':
            watching.next();
            return EMPTY;
          case 'create':
            fresh = false;
            this.#touched = true;
            return act(known, sent(session.create(this.path, create)));
          case 'takeOver':
            this.#touched = true;
            return act(known, sent(session.takeOver(node, create)));
          case 'hold':
            this.#held = this.#registered = this.#standing = true;
            watching.next();
            return of({ status: 'registered', node });
          case 'yield': {
            this.#standing = false;
            watching.next();
            const cause = new RegistryError(
              'CONTESTED_REGISTRATION',
              `Another live session, ${node.owner ?? 'none (the node is persistent)'}, took over ${quoted(this.path)}: left to it until it goes.`,
            );
            this.#options.warn?.(cause);
            return of({ status: 'pending', cause });
          }
          case 'remove':
            return act(
              known,
              session.remove(this.path, ephemeral ? { owner: session.id } : { version: node.version }).pipe(
                // From here on it is the session's to see that nothing comes late.
                tap(() => (this.#unanswered = 0)),
                map(() => undefined),
              ),
            );
          case 'done':
            return of({ status: 'released' });
        }
      };

      return merge(
        troubles,
        watching.pipe(
          take(1),
          switchMap(() => session.watchNode(this.path)),
          retryWithBackoff({ ...patiently, onRetry: tell }),
          tap(observe),
          ignoreElements(),
        ),
        merge(this.#desired, observed).pipe(concatMap(() => defer(turn))),
      );
    });
  }
}

/** Whether an error says what became of an operation. */
function isAnswer(error: unknown): boolean {
  return error instanceof RegistryError && error.code !== 'CONNECTION_LOST' && error.code !== 'TIMEOUT';
}

function isSurprise(error: unknown): boolean {
  return error instanceof RegistryError && (error.code === 'NODE_EXISTS' || error.code === 'CONFLICT');
}

function sameNode(a: Observed, b: Observed): boolean {
  return typeof a === 'string' || typeof b === 'string' ? a === b : a.version === b.version;
}

function sameState(a: ClaimState, b: ClaimState): boolean {
  if (a.status === 'registered' && b.status === 'registered') return a.node.owner === b.node.owner;
  const causeOf = (state: ClaimState): Error | undefined => ('cause' in state ? state.cause : undefined);
  return a.status === b.status && causeOf(a)?.message === causeOf(b)?.message;
}

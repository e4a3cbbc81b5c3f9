import {
  asyncScheduler,
  BehaviorSubject,
  concat,
  defer,
  type Observable,
  race,
  type SchedulerLike,
  Subject,
  Subscription,
  take,
  tap,
  timer,
} from 'rxjs';
import { type BackoffOptions, fullJitter, isFatalError, retryWithBackoff } from '../connection/index.js';
import { RegistryError } from '../errors.js';
import { isAnswer } from '../internal/isAnswer.js';
import { parentOf } from '../internal/path.js';
import { quoted } from '../internal/quoted.js';
import type { ConnectionState, NodeState, RegistryNode, Session } from '../port/index.js';
import { decide, type Desired, type Observed } from './decide.js';
import { replaceFormer } from './replaceFormer.js';

/** What became of a {@link Claim} so far. */
export type ClaimState =
  | { readonly status: 'pending'; readonly cause?: Error }
  | { readonly status: 'registered'; readonly node: RegistryNode }
  | { readonly status: 'suspended'; readonly cause: Error }
  | { readonly status: 'released' };

/** How a {@link Claim} is kept. */
export interface ClaimOptions {
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
  /** Told of what does not end the claim but should be known. */
  readonly warn?: (error: Error) => void;
  /** Told of each node of ours that is gone because nobody wants it any more, as it was seen last. */
  readonly released?: (session: Session, node: RegistryNode) => void;
}

/** What a {@link Claim} is to hold. */
export interface Claimed {
  readonly path: string;
  /** Whether the node goes with the session. */
  readonly ephemeral: boolean;
  /** Whether the name of a persistent node in the same directory is one of the same instance: such a node is replaced. */
  readonly isSame?: (name: string) => boolean;
  /** What this one is claimed instead of: where it stands in the same directory, both change in one step. */
  readonly former?: Claim | undefined;
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
 *
 * It is told what the connection does, and keeps what it knows in fields: there may be ten thousand of them, and a stream
 * for each thing that it waits for costs forty times as much.
 */
export class Claim {
  readonly path: string;
  readonly #ephemeral: boolean;
  readonly #isSame: ((name: string) => boolean) | undefined;
  #former: Claim | undefined;
  readonly #options: ClaimOptions;
  readonly #states = new BehaviorSubject<ClaimState>(PENDING);
  #isOver = false;
  #desired: Desired = 'present';
  #touched = false;
  #registered = false;
  /** The session that acted last, whether it has held the node, and whether it has yet to act at all. */
  #session: Session | undefined;
  #held = false;
  #fresh = false;
  /** How many writes of that session were never answered. */
  #unanswered = 0;
  /** The node as it was when it was last seen to be ours, whether or not it still stands. */
  #lastOwn: RegistryNode | undefined;
  /** The node, where it stood when we last saw it. */
  #standing: RegistryNode | undefined;

  // What follows holds as long as a connection does.
  #isConnected = false;
  #observed: Observed = 'unknown';
  /** The position of what was observed last: what was so before then is out of date, whoever tells it. */
  #position = NEVER_OBSERVED;
  #failures = 0;
  /** Whether the nodes that this one replaces are gone. */
  #replaced = false;
  /** What is under way with the node; the next step is decided after it. */
  #acting: Subscription | undefined;
  #watching: Subscription | undefined;
  /** Whether its node is making room for another, and the position of that once it is there. */
  #isMoving = false;
  #movedAt: bigint | undefined;
  /** Ends a wait. */
  #impatience: Subject<void> | undefined;

  constructor({ path, ephemeral, isSame, former }: Claimed, options: ClaimOptions) {
    this.path = path;
    this.#ephemeral = ephemeral;
    this.#isSame = ephemeral ? undefined : isSame;
    this.#former = former;
    this.#options = options;
  }

  /** What becomes of it; the present state is replayed. Completes after `released`. */
  get states(): Observable<ClaimState> {
    return this.#states;
  }

  /** Whether a node of ours can be there: a claim that was never sent needs no taking back. */
  get touched(): boolean {
    return this.#touched;
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether a node of ours can be there that goes with the session. */
  get mayOwn(): boolean {
    return this.#touched && this.#ephemeral;
  }

  /** Says what shall become of the node. */
  want(desired: Desired): void {
    if (this.#desired === desired) return;
    this.#desired = desired;
    // What was never asked for does not stand.
    if (desired === 'asIs' && !this.#touched) this.#tell({ status: 'released' });
    // What held before is not the outcome of a later wish: that is told anew.
    if (desired === 'absent') this.#tell(this.#touched ? PENDING : { status: 'released' });
    this.#impatience?.next();
    if (this.#isConnected) this.#turn();
  }

  /** Says what has become of the connection. */
  follow(state: ConnectionState): void {
    this.#stop();
    if (this.#isOver) return;
    switch (state.status) {
      case 'connected':
        return this.#begin(state.session);
      case 'suspended':
        return this.#tell({ status: this.#standing ? 'suspended' : 'pending', cause: state.cause });
      case 'lost':
        this.#standing = undefined;
        return this.#tell({ status: 'pending', cause: state.cause });
      case 'connecting':
        return this.#tell(state.cause ? { status: 'pending', cause: state.cause } : PENDING);
      case 'closed':
        // What is left of it goes with the session.
        return this.#tell({ status: 'released' });
    }
  }

  /** Ends it with an error. */
  fail(error: unknown): void {
    this.#stop();
    this.#isOver = true;
    this.#states.error(error);
  }

  #begin(session: Session): void {
    this.#isConnected = true;
    this.#fresh = this.#session !== session;
    if (this.#fresh) {
      this.#held = false;
      this.#standing = undefined;
      this.#unanswered = 0;
    }
    this.#session = session;
    this.#observed = 'unknown';
    // Positions of another connection cannot be compared.
    this.#position = NEVER_OBSERVED;
    this.#failures = 0;
    this.#replaced = false;
    this.#turn();
  }

  #stop(): void {
    this.#isConnected = this.#isMoving = false;
    this.#movedAt = undefined;
    this.#acting?.unsubscribe();
    this.#watching?.unsubscribe();
    this.#acting = this.#watching = this.#impatience = undefined;
  }

  #turn(): void {
    if (this.#acting || this.#isMoving || this.#isOver || !this.#isConnected) return;
    const known = this.#observed;
    const session = this.#session!;
    const action = decide({
      desired: this.#desired,
      observed: known,
      sessionId: session.id,
      ephemeral: this.#ephemeral,
      fresh: this.#fresh,
      held: this.#held,
      unanswered: this.#ephemeral && this.#unanswered > 0,
    });
    const options = { ephemeral: this.#ephemeral };
    const node = known as RegistryNode;
    switch (action) {
      case 'look':
        return this.#watch();
      case 'create':
        this.#fresh = false;
        return this.#create(session);
      case 'takeOver':
        return this.#write(session.nodes.takeOver(node, options));
      case 'hold':
        if (this.#isSame && !this.#replaced) return this.#replace(session, this.#isSame);
        this.#held = this.#registered = true;
        this.#former = undefined;
        this.#standing = node;
        this.#tell({ status: 'registered', node });
        return this.#watch();
      case 'yield':
        return this.#yieldTo(node);
      case 'remove':
        return this.#act(
          session.nodes
            .remove(this.path, this.#ephemeral ? { owner: session.id } : { version: node.version })
            // From here on it is the session's to see that nothing comes late.
            .pipe(tap(() => (this.#unanswered = 0))),
        );
      case 'rest':
        return this.#watch();
      case 'done':
        if (this.#lastOwn) this.#options.released?.(session, this.#lastOwn);
        return this.#tell({ status: 'released' });
    }
  }

  /** Makes the node; in the place of its former one where that stands, so that nobody sees neither, or both. */
  #create(session: Session): void {
    const { path } = this;
    const options = { ephemeral: this.#ephemeral };
    const former = this.#former;
    const node = former && former.#standingBeside(this);
    if (!former || !node) return this.#write(session.nodes.create(path, options));
    this.#write(
      defer(() => {
        former.#isMoving = true;
        return session.nodes.move(node, path, options);
      }).pipe(
        tap({
          // The former one decides about itself when this one is known to stand: by then nobody may want it any more.
          next: ({ position }) => (former.#movedAt = position),
          error: () => former.#endMove(),
        }),
      ),
      () => former.#endMove(),
    );
  }

  /** The node, if another one can take its place in one step. */
  #standingBeside(other: Claim): RegistryNode | undefined {
    const stands =
      this.#isConnected &&
      this.#session === other.#session &&
      this.#desired === 'present' &&
      this.#acting === undefined &&
      !this.#isMoving &&
      this.#ephemeral &&
      other.#ephemeral &&
      parentOf(this.path) === parentOf(other.path);
    return stands &&
      typeof this.#observed === 'object' &&
      this.#observed.owner === (this.#ephemeral ? this.#session!.id : undefined)
      ? this.#observed
      : undefined;
  }

  #endMove(): void {
    if (!this.#isMoving) return;
    const position = this.#movedAt;
    this.#isMoving = false;
    this.#movedAt = undefined;
    if (position === undefined) this.#turn();
    else this.#observe({ node: undefined, position });
  }

  /** Before it is said to be registered: whoever closes then leaves one node. */
  #replace(session: Session, isSame: (name: string) => boolean): void {
    this.#run(
      replaceFormer(session, this.path, isSame),
      () => {
        this.#replaced = true;
        this.#turn();
      },
      (error) => this.#retry(error),
    );
  }

  #observe({ node, position }: NodeState): void {
    if (position >= this.#position) {
      this.#observed = node ?? 'absent';
      this.#position = position;
      if (node && node.owner === (this.#ephemeral ? this.#session!.id : undefined)) this.#lastOwn = node;
    }
    this.#turn();
  }

  /** Makes the node ours; not answered is also what the end of the connection leaves, for then nobody will ever answer. */
  #write(write: Observable<NodeState>, onWritten?: () => void): void {
    this.#touched = true;
    this.#unanswered += 1;
    const answered = (): void => void (this.#unanswered -= 1);
    this.#act(write.pipe(tap({ next: answered, error: (error: unknown) => isAnswer(error) && answered() })), onWritten);
  }

  /** Carries an operation out that ends with what the node is then. */
  #act(operation: Observable<NodeState>, onDone?: () => void): void {
    const known = this.#observed;
    this.#run(
      operation,
      (state) => {
        this.#failures = 0;
        this.#observe(state);
        onDone?.();
      },
      (error) => {
        if (!isSurprise(error)) return this.#retry(error);
        // Not what we thought is there: look, and decide again. Where it is as we thought, this is a failure like others.
        this.#run(
          this.#session!.nodes.read(this.path),
          (state) => (sameNode(known, state.node ?? 'absent') ? this.#retry(error) : this.#observe(state)),
          (failure) => this.#retry(failure),
        );
      },
    );
  }

  /** Waits, and looks: whether the operation was carried out is not known, and only reading tells. */
  #retry(error: unknown): void {
    if (this.#isFatal(error)) return this.fail(error);
    const { retry = {}, scheduler = asyncScheduler } = this.#options;
    this.#failures += 1;
    this.#tell({ status: 'pending', cause: error instanceof Error ? error : new Error(String(error)) });
    // A change of mind need not wait: it may be what ends the trouble.
    const changed = (this.#impatience = new Subject<void>());
    const wait = race(timer(fullJitter(retry)(this.#failures), scheduler), changed).pipe(take(1));
    const look = defer(() => this.#session!.nodes.read(this.path)).pipe(
      retryWithBackoff({ ...retry, scheduler, isFatal: (failure) => this.#isFatal(failure) }),
    );
    this.#run(
      concat(wait, look),
      (state) => this.#observe(state as NodeState),
      (failure) => this.fail(failure),
    );
  }

  /** Does one thing to its end, with the last value it emits. */
  #run<T>(work: Observable<T>, onEnd: (last: T) => void, onError: (error: unknown) => void): void {
    // Before it is subscribed to: it may be over by the time that returns.
    const acting = (this.#acting = new Subscription());
    let last: T;
    acting.add(
      work.subscribe({
        next: (value) => (last = value),
        error: (error: unknown) => {
          this.#acting = undefined;
          onError(error);
        },
        complete: () => {
          this.#acting = undefined;
          onEnd(last);
        },
      }),
    );
  }

  #watch(attempt = 0): void {
    if (this.#watching) return;
    let failures = attempt;
    const watching = (this.#watching = new Subscription());
    watching.add(
      // What it was is only of use the first time: if that is refused, reading may not be.
      this.#session!.nodes.watch(this.path, attempt === 0 ? this.#standing : undefined).subscribe({
        next: (state) => {
          failures = 0;
          this.#observe(state);
        },
        error: (error: unknown) => this.#watchLater(error, failures + 1),
      }),
    );
  }

  #watchLater(error: unknown, attempt: number): void {
    if (this.#isFatal(error)) return this.fail(error);
    // As long as it is not known what is there; losing sight of a node that was seen is not losing it.
    if (this.#observed === 'unknown' && error instanceof Error) {
      this.#tell({ status: this.#standing ? 'suspended' : 'pending', cause: error });
    }
    const { retry, scheduler = asyncScheduler } = this.#options;
    this.#watching = timer(fullJitter(retry)(attempt), scheduler).subscribe(() => {
      this.#watching = undefined;
      this.#watch(attempt);
    });
  }

  #yieldTo({ owner }: RegistryNode): void {
    this.#standing = undefined;
    const cause = new RegistryError(
      'CONTESTED_REGISTRATION',
      `Another live session, ${owner}, took over ${quoted(this.path)}: left to it until it goes.`,
    );
    this.#options.warn?.(cause);
    this.#tell({ status: 'pending', cause });
    this.#watch();
  }

  /** What could be done once can be done again. */
  #isFatal(error: unknown): boolean {
    return isFatalError(error) && !this.#registered;
  }

  #tell(state: ClaimState): void {
    if (this.#isOver || sameState(this.#states.value, state)) return;
    this.#isOver = state.status === 'released';
    if (this.#isOver) {
      this.#stop();
      this.#former = undefined;
    }
    this.#states.next(state);
    if (this.#isOver) this.#states.complete();
  }
}

const NEVER_OBSERVED = -1n;
const PENDING: ClaimState = { status: 'pending' };

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

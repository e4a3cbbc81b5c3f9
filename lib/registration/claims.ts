import { defer, EMPTY, ignoreElements, type Observable, ReplaySubject, Subject, Subscription, take } from 'rxjs';
import type { ConnectionState } from '../port/index.js';
import { Claim, type Claimed, type ClaimOptions, type ClaimState } from './claim.js';

/** A hold on a claim: the node shall be there until it is let go. */
export interface ClaimHold {
  readonly claim: Claim;
  /** What becomes of the claim; the present state is replayed. */
  readonly states: Observable<ClaimState>;
  /** Whether the node can be there: whether it was asked for, and is not known to be gone for good. */
  mayStand(): boolean;
  /** Insists on the node no more, and leaves it as it is until the hold is let go. */
  setAside(): void;
  /** Lets go; the last hold's letting go takes the node back. */
  release(): void;
}

interface Entry {
  readonly claim: Claim;
  holds: number;
  /** How many of the holds do not insist. */
  setAside: number;
  /** Completes when what was let go is taken back, or claimed again by another; made when somebody asks. */
  release: ReplaySubject<never> | undefined;
}

/** All claims of one registry, by path: what is let go stays here until it is taken back. */
export class Claims {
  readonly #connection: Observable<ConnectionState>;
  readonly #options: ClaimOptions;
  readonly #entries = new Map<string, Entry>();
  /** Those that nobody holds any more. */
  readonly #releasing = new Set<Entry>();
  /** Emits whenever the last of them is taken back, or claimed again. */
  readonly #released = new Subject<void>();
  /** One for all of them, as long as there are any. */
  #following = Subscription.EMPTY;
  #state: ConnectionState | undefined;

  constructor(connection: Observable<ConnectionState>, options: ClaimOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** How many paths are claimed or not yet taken back. */
  get size(): number {
    return this.#entries.size;
  }

  /** Whether there may be nodes that go only with the session. */
  get mayOwn(): boolean {
    return [...this.#entries.values()].some(({ claim }) => claim.mayOwn);
  }

  /** Whether a path is claimed or not yet taken back. */
  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /**
   * Claims a path, or joins the claim that there is.
   *
   * @param instead - What it is claimed instead of, and is let go when this one stands.
   */
  hold(claimed: Omit<Claimed, 'former'>, instead?: ClaimHold): ClaimHold {
    const letGo = this.#entries.get(claimed.path);
    const entry = letGo ?? this.#start({ ...claimed, former: instead?.claim });
    if (letGo?.holds === 0) {
      this.#settle(letGo);
      letGo.release = undefined;
    }
    entry.holds += 1;
    entry.claim.want('present');
    let held = true;
    let setAside = 0;
    return {
      claim: entry.claim,
      states: entry.claim.states,
      mayStand: () => entry.claim.touched && !entry.claim.isOver,
      setAside: () => {
        if (!held || setAside > 0) return;
        setAside = 1;
        entry.setAside += 1;
        if (entry.setAside === entry.holds) entry.claim.want('asIs');
      },
      release: () => {
        if (!held) return;
        held = false;
        entry.holds -= 1;
        entry.setAside -= setAside;
        // One that has ended by itself has nothing to take back.
        if (this.#entries.get(claimed.path) !== entry) return;
        if (entry.holds === 0) {
          this.#releasing.add(entry);
          entry.claim.want('absent');
        } else if (entry.setAside === entry.holds) {
          entry.claim.want('asIs');
        }
      },
    };
  }

  #start(claimed: Claimed): Entry {
    const { path } = claimed;
    const claim = new Claim(claimed, this.#options);
    const entry: Entry = { claim, holds: 0, setAside: 0, release: undefined };
    this.#entries.set(path, entry);
    const forget = (): void => {
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
      this.#settle(entry);
      if (this.#entries.size === 0) this.#following.unsubscribe();
    };
    claim.states.subscribe({ error: forget, complete: forget });
    if (this.#following.closed) this.#follow();
    else if (this.#state) claim.follow(this.#state);
    return entry;
  }

  /** Says that nothing is to be taken back of an entry any more. */
  #settle(entry: Entry): void {
    entry.release?.complete();
    if (this.#releasing.delete(entry) && this.#releasing.size === 0) this.#released.next();
  }

  #follow(): void {
    this.#state = undefined;
    const following = (this.#following = new Subscription());
    const all = (): Entry[] => [...this.#entries.values()];
    following.add(
      this.#connection.subscribe({
        next: (state) => {
          this.#state = state;
          for (const { claim } of all()) claim.follow(state);
        },
        error: (error: unknown) => {
          const failed = all();
          // Whoever registers again when told of the error begins anew, with a connection of its own.
          this.#entries.clear();
          following.unsubscribe();
          for (const { claim } of failed) claim.fail(error);
        },
      }),
    );
  }

  /** Completes when nothing of a path is left, at once if it is not claimed. */
  gone(path: string): Observable<never> {
    const entry = this.#entries.get(path);
    return entry ? goneOf(entry) : EMPTY;
  }

  /** Completes when everything that was let go is taken back. */
  releases(): Observable<never> {
    return defer(() => (this.#releasing.size === 0 ? EMPTY : this.#released.pipe(take(1), ignoreElements())));
  }
}

function goneOf(entry: Entry): Observable<never> {
  return (entry.release ??= new ReplaySubject<never>(1));
}

import { defer, EMPTY, merge, type Observable, ReplaySubject, Subscription } from 'rxjs';
import type { ConnectionState } from '../port/index.js';
import { Claim, type Claimed, type ClaimOptions, type ClaimState } from './claim.js';

/** A hold on a claim: the node shall be there until it is let go. */
export interface ClaimHold {
  /** What becomes of the claim; the present state is replayed. */
  readonly states: Observable<ClaimState>;
  /** Whether the node can be there: whether it was ever asked for. */
  mayStand(): boolean;
  /** Lets go; the last hold's letting go takes the node back. */
  release(): void;
}

interface Entry {
  readonly claim: Claim;
  holds: number;
  /** Completes when what was let go is taken back, or claimed again by another; made when somebody asks. */
  release: ReplaySubject<never> | undefined;
}

/** All claims of one registry, by path: what is let go stays here until it is taken back. */
export class Claims {
  readonly #connection: Observable<ConnectionState>;
  readonly #options: ClaimOptions;
  readonly #entries = new Map<string, Entry>();
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

  /** Claims a path, or joins the claim that there is. */
  hold(claimed: Claimed): ClaimHold {
    const letGo = this.#entries.get(claimed.path);
    const entry = letGo ?? this.#start(claimed);
    if (letGo?.holds === 0) {
      letGo.release?.complete();
      letGo.release = undefined;
      letGo.claim.want('present');
    }
    entry.holds += 1;
    let held = true;
    return {
      states: entry.claim.states,
      mayStand: () => entry.claim.touched,
      release: () => {
        if (!held) return;
        held = false;
        entry.holds -= 1;
        if (entry.holds === 0) entry.claim.want('absent');
      },
    };
  }

  #start(claimed: Claimed): Entry {
    const { path } = claimed;
    const claim = new Claim(claimed, this.#options);
    const entry: Entry = { claim, holds: 0, release: undefined };
    this.#entries.set(path, entry);
    const forget = (): void => {
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
      entry.release?.complete();
      if (this.#entries.size === 0) this.#following.unsubscribe();
    };
    claim.states.subscribe({ error: forget, complete: forget });
    if (this.#following.closed) this.#follow();
    else if (this.#state) claim.follow(this.#state);
    return entry;
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
          for (const entry of failed) {
            entry.claim.fail(error);
            entry.release?.complete();
          }
        },
      }),
    );
  }

  /** Completes when nothing of a path is left, at once if it is not claimed. */
  gone(path: string): Observable<never> {
    const entry = this.#entries.get(path);
    return entry ? goneOf(entry) : EMPTY;
  }

  /** Completes when everything that was let go by now is taken back. */
  releases(): Observable<never> {
    return defer(() => merge(...[...this.#entries.values()].filter(({ holds }) => holds === 0).map(goneOf)));
  }
}

function goneOf(entry: Entry): Observable<never> {
  return (entry.release ??= new ReplaySubject<never>(1));
}

import { defer, EMPTY, merge, type Observable, ReplaySubject } from 'rxjs';
import type { ConnectionState } from '../port/index.js';
import { Claim, type ClaimOptions, type ClaimState } from './claim.js';

/** A hold on a claim: the node shall be there until it is let go. */
export interface ClaimHold {
  /** What becomes of the claim; the present state is replayed. */
  readonly states: Observable<ClaimState>;
  /** Whether the node can be there: whether it was ever asked for. */
  mayStand(): boolean;
  /** Lets go; the last hold's letting go takes the node back. Emits nothing, completes when nothing is left of it. */
  release(): Observable<never>;
}

interface Entry {
  readonly claim: Claim;
  readonly states: ReplaySubject<ClaimState>;
  holds: number;
  /** Completes when what was let go is taken back, or claimed again by another. */
  release: ReplaySubject<never>;
}

/** All claims of one registry, by path: what is let go stays here until it is taken back. */
export class Claims {
  readonly #connection: Observable<ConnectionState>;
  readonly #options: Omit<ClaimOptions, 'ephemeral'>;
  readonly #entries = new Map<string, Entry>();

  constructor(connection: Observable<ConnectionState>, options: Omit<ClaimOptions, 'ephemeral'>) {
    this.#connection = connection;
    this.#options = options;
  }

  /** How many paths are claimed or not yet taken back. */
  get size(): number {
    return this.#entries.size;
  }

  /** Claims a path, or joins the claim that there is. */
  hold(path: string, ephemeral: boolean): ClaimHold {
    const letGo = this.#entries.get(path);
    const entry = letGo ?? this.#start(path, ephemeral);
    if (letGo?.holds === 0) {
      entry.claim.want('present');
      entry.release.complete();
      entry.release = new ReplaySubject<never>(1);
    }
    entry.holds += 1;
    const { release } = entry;
    let held = true;
    return {
      states: entry.states,
      mayStand: () => entry.claim.touched,
      release: () => {
        if (held) {
          held = false;
          entry.holds -= 1;
          if (entry.holds === 0) entry.claim.want('absent');
        }
        return release;
      },
    };
  }

  #start(path: string, ephemeral: boolean): Entry {
    const claim = new Claim(path, this.#connection, { ...this.#options, ephemeral });
    const states = new ReplaySubject<ClaimState>(1);
    const entry: Entry = { claim, states, holds: 0, release: new ReplaySubject<never>(1) };
    this.#entries.set(path, entry);
    const forget = (): void => {
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
    };
    claim.states.subscribe({
      next: (state) => {
        if (state.status === 'released') forget();
        states.next(state);
      },
      error: (error: unknown) => {
        forget();
        states.error(error);
        entry.release.complete();
      },
      complete: () => {
        forget();
        states.complete();
        entry.release.complete();
      },
    });
    return entry;
  }

  /** Completes when nothing of a path is left, at once if it is not claimed. */
  gone(path: string): Observable<never> {
    return this.#entries.get(path)?.release ?? EMPTY;
  }

  /** Completes when everything that was let go by now is taken back. */
  releases(): Observable<never> {
    return defer(() =>
      merge(...[...this.#entries.values()].filter(({ holds }) => holds === 0).map(({ release }) => release)),
    );
  }
}

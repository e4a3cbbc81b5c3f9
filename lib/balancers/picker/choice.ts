import type { AvoidCandidate, Candidate } from '../balancer.js';
import { Attempts } from './attempts.js';
import type { Avoids } from './avoid.js';
import type { Member, Roster } from './roster.js';

/** What one use of a picker goes by, however often it is subscribed to. */
export class Choice {
  readonly key: string | undefined;
  readonly attempts = new Attempts();
  readonly #avoids: Avoids | undefined;

  constructor(key: string | undefined, avoids: Avoids | undefined) {
    this.key = key;
    this.#avoids = avoids;
  }

  /** Picks one, and becomes less particular as long as there is nobody. */
  pickFrom(roster: Roster): Member | undefined {
    const { attempts, key } = this;
    const unwanted = this.#avoids && new Guarded(this.#avoids);
    const hasFailed: AvoidCandidate = (candidate) => attempts.failed.has(candidate.key);
    let picked: Member | undefined;
    if (attempts.failed.size > 0) {
      picked = roster.pick(key, either(hasFailed, unwanted?.test));
      if (!picked && attempts.failed.size > 1) {
        attempts.startOver();
        picked = roster.pick(key, either(hasFailed, unwanted?.test));
      }
    }
    if (unwanted) picked ??= roster.pick(key, unwanted.test);
    if (attempts.failed.size > 0) picked ??= roster.pick(key, hasFailed);
    unwanted?.rethrow();
    return picked ?? roster.pick(key);
  }

  /** Picks one that is none of these, nor one to avoid, nor one where it has failed; `undefined` if there is none. */
  pickOther(roster: Roster, busy: ReadonlySet<Candidate>): Member | undefined {
    const unwanted = this.#avoids && new Guarded(this.#avoids);
    const isOut: AvoidCandidate = (candidate) => busy.has(candidate) || this.attempts.failed.has(candidate.key);
    const picked = roster.pick(this.key, either(isOut, unwanted?.test));
    unwanted?.rethrow();
    return picked;
  }
}

function either(one: AvoidCandidate, other: AvoidCandidate | undefined): AvoidCandidate {
  return other ? (candidate) => one(candidate) || other(candidate) : one;
}

/** Asks a function of the user's, and keeps what it throws until a balancer is done. */
class Guarded {
  readonly #avoids: Avoids;
  #thrown: { readonly error: unknown } | undefined;

  constructor(avoids: Avoids) {
    this.#avoids = avoids;
  }

  readonly test = ({ instance, key }: Candidate): boolean => {
    try {
      return this.#thrown === undefined && this.#avoids(instance, key);
    } catch (error) {
      this.#thrown = { error };
      return false;
    }
  };

  rethrow(): void {
    if (this.#thrown) throw this.#thrown.error;
  }
}

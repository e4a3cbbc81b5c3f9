import type { Applications } from '../applications/index.js';
import type { Joined } from './unionOf.js';

/** The applications that several parts know: each with the instances that any part has of it. */
export class ApplicationsUnion implements Joined<Applications> {
  /** Each may know of others. */
  readonly isEnough = false;
  readonly #known: Applications[];
  #set: Applications = new Map();

  /** @param parts - How many there are. */
  constructor(parts: number) {
    this.#known = Array.from({ length: parts }, () => new Map<string, ReadonlySet<string>>());
  }

  /** What all of them know together. */
  get set(): Applications {
    return this.#set;
  }

  /** Takes in what one part knows now; returns whether the union is another one. */
  take(part: number, applications: Applications): boolean {
    this.#known[part] = applications;
    const next = new Map<string, ReadonlySet<string>>();
    for (const known of this.#known) {
      for (const [application, names] of known) {
        next.set(application, new Set([...(next.get(application) ?? []), ...names]));
      }
    }
    const isSame = next.size === this.#set.size && [...next].every(([name, set]) => isEqual(set, this.#set.get(name)));
    if (!isSame) this.#set = next;
    return !isSame;
  }
}

function isEqual(a: ReadonlySet<string>, b: ReadonlySet<string> | undefined): boolean {
  return a.size === b?.size && [...a].every((name) => b.has(name));
}

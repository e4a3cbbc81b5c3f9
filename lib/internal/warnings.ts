import { type Observable, Subject } from 'rxjs';
import { debugLog } from './debug.js';
import { diagnosticChannel } from './diagnostics.js';

/** What is known of a warning beside its code. */
export interface WarningDetails {
  readonly path?: string;
  readonly cause?: unknown;
}

/** A warning as it is told: `count` says how often there was one of that code, this one included. */
export interface Warning<Code extends string> extends WarningDetails {
  readonly code: Code;
  readonly message: string;
  readonly count: number;
}

const channel = diagnosticChannel('rx-registry:warning');

/** How many characters of what is known are remembered. */
const MOST_KNOWN = 2_000_000;

/** What went wrong and was got around: counted, logged, and told to whoever listens. */
export class Warnings<Code extends string> {
  /** Hot; completes with {@link end}. */
  readonly all: Observable<Warning<Code>>;
  readonly #told = new Subject<Warning<Code>>();
  readonly #counts = new Map<Code, number>();
  readonly #known = new Set<string>();
  #knownLength = 0;
  readonly #area: string;
  readonly #log: (format: string, ...values: unknown[]) => void;

  constructor(area: string) {
    this.#area = area;
    this.all = this.#told.asObservable();
    this.#log = debugLog(area);
  }

  tell(code: Code, message: string, details: WarningDetails = {}): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    this.#log('warning %s: %s', code, message);
    if (channel.hasSubscribers) channel.publish({ area: this.#area, code, message, count });
    this.#told.next({ code, message, count, ...details });
  }

  /** Whether this was asked for the same thing before; a registry full of garbage is not to fill our memory. */
  isKnown(thing: string): boolean {
    if (this.#known.has(thing)) return true;
    if (this.#knownLength + thing.length > MOST_KNOWN) {
      this.#known.clear();
      this.#knownLength = 0;
    }
    this.#known.add(thing);
    this.#knownLength += thing.length;
    return false;
  }

  end(): void {
    this.#told.complete();
  }
}

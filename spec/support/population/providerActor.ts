import { BehaviorSubject, type Subscription } from 'rxjs';
import type { Registry } from '../../../lib/index.js';
import type { Actor } from './actors.js';
import type { Reporter } from './reporter.js';

const RETRY_MS = 300;

/** A provider that comes, moves and goes; everything that it announces has a serial number of its own. */
export class ProviderActor {
  readonly #registry: Registry;
  readonly #actor: Actor & { role: 'provider' };
  readonly #reporter: Reporter;
  readonly #series: string;
  #urls: BehaviorSubject<string> | undefined;
  #registration: Subscription | undefined;
  #retry: NodeJS.Timeout | undefined;
  #serial = 0;

  /** @param series - begins its serial numbers, as nobody else's and none of its predecessor's */
  constructor(registry: Registry, actor: Actor & { role: 'provider' }, reporter: Reporter, series: string) {
    this.#registry = registry;
    this.#actor = actor;
    this.#reporter = reporter;
    this.#series = series;
  }

  /** Does at random what providers do. */
  stir(random: () => number): void {
    if (this.#actor.steady) return;
    if (!this.#urls) this.register();
    else if (random() < 0.6) this.move();
    else this.release();
  }

  register(): void {
    if (this.#urls) return;
    this.#urls = new BehaviorSubject(this.#next());
    this.#hold();
  }

  /** Announces other parameters of the same service. */
  move(): void {
    this.#urls?.next(this.#next());
  }

  release(): void {
    if (!this.#urls) return;
    clearTimeout(this.#retry);
    this.#reporter.tell({ actor: this.#actor.name, what: 'releases' });
    this.#urls = undefined;
    this.#registration?.unsubscribe();
  }

  #next(): string {
    const { name, provides, interface: service, twin } = this.#actor;
    if (twin) {
      this.#reporter.tell({ actor: name, what: 'wants', key: `${provides}/${service}`, serial: name });
      return `dubbo://${provides}/${service}?serial=${name}&pid=1&timestamp=1`;
    }
    const serial = `${this.#series}.${++this.#serial}`;
    this.#reporter.tell({ actor: name, what: 'wants', key: `${provides}/${service}`, serial });
    return `dubbo://${provides}/${service}?serial=${serial}&weight=${100 + (this.#serial % 100)}`;
  }

  #hold(): void {
    const urls = this.#urls!;
    const actor = this.#actor.name;
    this.#registration = this.#registry.register(urls).subscribe({
      next: (state) => {
        const cause = 'cause' in state ? state.cause?.message : undefined;
        const serial = state.url.parameter('serial') ?? '';
        this.#reporter.tell({ actor, what: 'registration', status: state.status, serial, ...(cause && { cause }) });
      },
      error: (error: unknown) => {
        const code = (error as { code?: string }).code ?? String(error);
        this.#reporter.tell({ actor, what: 'refused', code });
        // As a program does that may not yet, or not any more.
        this.#retry = setTimeout(() => this.#urls === urls && this.#hold(), RETRY_MS);
      },
    });
  }
}

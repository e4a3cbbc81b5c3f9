import { Subscription } from 'rxjs';
import type { Registry, ServiceUrl } from '../../../lib/index.js';
import type { Actor } from './actors.js';
import type { Reporter } from './reporter.js';

const RETRY_MS = 300;

/** A consumer that passes on all it is told, as events and as sets. */
export class ConsumerActor {
  readonly #registry: Registry;
  readonly #actor: Actor & { role: 'consumer' };
  readonly #reporter: Reporter;

  constructor(registry: Registry, actor: Actor & { role: 'consumer' }, reporter: Reporter) {
    this.#registry = registry;
    this.#actor = actor;
    this.#reporter = reporter;
  }

  consume(): Subscription {
    const { name: actor, interface: service } = this.#actor;
    const query = { interface: service };
    const subscription = new Subscription();
    const ended = (stream: string) => ({
      error: (error: unknown) => {
        const { code, message } = error as { code?: string; message: string };
        this.#reporter.tell({ actor, what: 'ended', stream, cause: `${code}: ${message}` });
        // As a program does that may not yet.
        if (subscription.closed) return;
        const retry = setTimeout(() => subscription.add(this.consume()), RETRY_MS);
        subscription.unsubscribe();
        subscription.add(() => clearTimeout(retry));
      },
    });
    // In this order: at each set, the events that belong to it have been told.
    subscription.add(
      this.#registry.subscribe(query).subscribe({
        next: ({ type, service: told }) => this.#reporter.tell({ actor, what: 'told', type, ...describe(told) }),
        ...ended('events'),
      }),
    );
    subscription.add(
      this.#registry.instances(query).subscribe({
        next: (set) => {
          const services = Object.fromEntries([...set].map(describe).map(({ key, serial }) => [key, serial]));
          this.#reporter.tell({ actor, what: 'set', services });
        },
        ...ended('sets'),
      }),
    );
    return subscription;
  }
}

function describe(service: ServiceUrl): { key: string; serial: string } {
  return { key: `${service.address}/${service.path}`, serial: service.parameter('serial') ?? '' };
}

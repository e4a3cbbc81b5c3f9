import type { Observable, Subscription } from 'rxjs';
import type { Registry, RegistrationState, ServiceUrl } from '../../../lib/index.js';
import { eventually } from '../servers/eventually.js';

/** A registration that is held, and everything that was told about it. */
export class RegistrationRecord {
  readonly states: RegistrationState[] = [];
  error: unknown;
  completed = false;
  readonly #subscription: Subscription;

  constructor(registry: Registry, url: string | ServiceUrl | Observable<string | ServiceUrl | undefined>) {
    this.#subscription = registry.register(url).subscribe({
      next: (state) => this.states.push(state),
      error: (reason: unknown) => void (this.error = reason),
      complete: () => void (this.completed = true),
    });
  }

  get status(): RegistrationState['status'] | undefined {
    return this.states.at(-1)?.status;
  }

  get statuses(): RegistrationState['status'][] {
    return this.states.map(({ status }) => status);
  }

  /** The node's path, once registered. */
  registered(withinMs = 15_000): Promise<string> {
    return eventually(
      () => {
        if (this.error) throw this.error as Error;
        const state = this.states.at(-1);
        return state?.status === 'registered' && state.path;
      },
      { what: 'the registration', withinMs },
    );
  }

  unsubscribe(): void {
    this.#subscription.unsubscribe();
  }
}

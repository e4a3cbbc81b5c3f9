import { catchError, defer, EMPTY, firstValueFrom, of, retry, throwError } from 'rxjs';
import type { ServiceUrl } from '../dubbo/index.js';
import { hasCode } from '../internal/orElse.js';
import type { Provision, Registry } from '../registry.js';
import type { RegistrationState } from '../registration/index.js';
import type { Releasable } from '../shutdown/index.js';

/** A registration that is wanted until it is released, however long the registry is away at first. */
export class Announcement implements Releasable {
  readonly url: string;
  readonly #released = new AbortController();
  readonly #provision: Promise<Provision | undefined>;
  #status: RegistrationState['status'] | 'failed' = 'pending';

  /** @param failed - Is told why the registry refuses it for good. */
  constructor(registry: Registry, url: string | ServiceUrl, failed: (error: unknown) => void) {
    this.url = String(url);
    const { signal } = this.#released;
    const fail = (error: unknown) => {
      this.#status = 'failed';
      if (!signal.aborted) failed(error);
      return EMPTY;
    };
    this.#provision = firstValueFrom(
      defer(() => registry.provide(url, { signal })).pipe(
        retry({ delay: (error: unknown) => (hasCode(error, 'TIMEOUT') ? of(0) : throwError(() => error)) }),
        catchError(fail),
      ),
      { defaultValue: undefined },
    );
    void this.#provision.then((provision) =>
      provision?.states.pipe(catchError(fail)).subscribe(({ status }) => (this.#status = status)),
    );
  }

  get status(): RegistrationState['status'] | 'failed' {
    return this.#status;
  }

  async release(): Promise<void> {
    this.#released.abort();
    const provision = await this.#provision;
    await provision?.release();
  }
}

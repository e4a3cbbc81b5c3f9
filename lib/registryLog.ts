import { type Logger, optionalLogger } from './internal/logger.js';
import { redact } from './internal/redact.js';
import type { ConnectionState } from './port/index.js';
import type { RegistrationState } from './registration/index.js';
import type { RegistryWarning } from './registry.js';

/** What a registry logs; nothing where it has no logger. */
export class RegistryLog {
  readonly #logger: Logger | undefined;

  /** @throws InvalidOptionError */
  constructor(logger: Logger | undefined) {
    this.#logger = optionalLogger(logger);
  }

  connection(state: ConnectionState): void {
    if (!this.#logger) return;
    const { status } = state;
    const cause = 'cause' in state && state.cause ? { err: state.cause } : {};
    const details = {
      status,
      ...('attempt' in state && { attempt: state.attempt }),
      ...('session' in state && { session: state.session.id }),
      ...cause,
    };
    const isFirst = status === 'connecting' && !('err' in cause);
    const level = isFirst ? 'debug' : LEVEL_OF_CONNECTION[status];
    this.#logger[level](details, `registry ${status}`);
  }

  registration(state: RegistrationState): void {
    if (!this.#logger) return;
    const { status, url } = state;
    const cause = 'cause' in state && state.cause ? { err: state.cause } : {};
    const level = 'err' in cause ? 'warn' : status === 'pending' ? 'debug' : 'info';
    this.#logger[level]({ status, service: url.serviceKey, address: url.address, ...cause }, `registration ${status}`);
  }

  warning({ code, message, count, path }: RegistryWarning): void {
    this.#logger?.warn({ code, count, ...(path !== undefined && { path: redact(path) }) }, message);
  }
}

const LEVEL_OF_CONNECTION = {
  connecting: 'warn',
  connected: 'info',
  suspended: 'warn',
  lost: 'error',
  closed: 'info',
} as const satisfies Record<ConnectionState['status'], keyof Logger>;

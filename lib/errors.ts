import { looksLikeKey } from './internal/looksLikeKey.js';
import { quoted } from './internal/quoted.js';
import { redact } from './internal/redact.js';

/**
 * Every code that a {@link RegistryError} of this package can carry, and whether trying again can help.
 *
 * Codes are stable: they change only with a major version, messages may change at any time.
 */
export const ERROR_CODES = {
  INVALID_URL: { retriable: false },
  INVALID_OPTION: { retriable: false },
  INVALID_PATH: { retriable: false },
  DUPLICATE_REGISTRATION: { retriable: false },
  CONTESTED_REGISTRATION: { retriable: true },
  BACKEND_IN_USE: { retriable: false },
  NOT_AUTHORIZED: { retriable: false },
  CLOSED: { retriable: false },
  TOO_LARGE: { retriable: false },
  UNREADABLE_NODE: { retriable: false },
  INVALID_CONFIG: { retriable: false },
  UNSUPPORTED: { retriable: false },
  CONNECTION_LOST: { retriable: true },
  SESSION_EXPIRED: { retriable: true },
  TIMEOUT: { retriable: true },
  NO_NODE: { retriable: true },
  NODE_EXISTS: { retriable: true },
  NOT_EMPTY: { retriable: true },
  CONFLICT: { retriable: true },
  VERSION_CONFLICT: { retriable: false },
  OUTCOME_UNKNOWN: { retriable: false },
  UNREADABLE_VALUE: { retriable: false },
  SERVER_ERROR: { retriable: true },
  NO_INSTANCE: { retriable: true },
} as const satisfies Record<string, { retriable: boolean }>;

/** The code of a {@link RegistryError}: one of the keys of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * The base of every error that this package makes.
 *
 * @example
 * ```ts
 * registry.register(url).subscribe({
 *   error: (error) => {
 *     if (error instanceof RegistryError && error.code === 'DUPLICATE_REGISTRATION') return;
 *     throw error;
 *   },
 * });
 * ```
 */
export class RegistryError extends Error {
  override name = 'RegistryError';

  /** What went wrong, for programs. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** What stands in JSON, where a plain error is `{}`. */
  toJSON(): { name: string; code: ErrorCode; message: string } {
    return { name: this.name, code: this.code, message: this.message };
  }

  /** Whether the same call can succeed later without anybody changing it. */
  get retriable(): boolean {
    return ERROR_CODES[this.code].retriable;
  }
}

/** A service URL or registry address that cannot be read or cannot be written in Dubbo's layout. */
export class InvalidUrlError extends RegistryError {
  override name = 'InvalidUrlError';

  constructor(message: string, options?: ErrorOptions) {
    super('INVALID_URL', message, options);
  }
}

/** An option outside its range, named in the message with what was expected and what came. */
export class InvalidOptionError extends RegistryError {
  override name = 'InvalidOptionError';

  /** The option's name. */
  readonly option: string;

  constructor(option: string, expected: string, received: unknown) {
    super('INVALID_OPTION', `Expected option \`${option}\` to be ${expected}, got ${describe(received)}.`);
    this.option = option;
  }
}

/** The same service is already registered by a live registration of this registry. */
export class DuplicateRegistrationError extends RegistryError {
  override name = 'DuplicateRegistrationError';

  /** What identifies the registration: see `instanceKey`. */
  readonly key: string;

  constructor(key: string) {
    super(
      'DUPLICATE_REGISTRATION',
      `${key} is already registered through this registry: unsubscribe from the first registration before you make another one.`,
    );
    this.key = key;
  }
}

/** A node that cannot be understood as a service; it is skipped, and what stands beside it is delivered. */
export class UnreadableNodeError extends RegistryError {
  override name = 'UnreadableNodeError';

  constructor(reason: string, options?: ErrorOptions) {
    super('UNREADABLE_NODE', reason, options);
  }
}

/** A value of the configuration centre that cannot be used; what was in force before it stays in force. */
export class InvalidConfigError extends RegistryError {
  override name = 'InvalidConfigError';

  /** The key that holds the value, or the node that is a rule. */
  readonly key: string;

  constructor(key: string, reason: string, options?: ErrorOptions) {
    super('INVALID_CONFIG', `${quoted(key)} cannot be used: ${reason}`, options);
    this.key = key;
  }
}

/** There is no instance to call: the set is empty, or not known, and was so for as long as the call would wait. */
export class NoInstanceError extends RegistryError {
  override name = 'NoInstanceError';

  constructor(reason: string, options?: ErrorOptions) {
    super('NO_INSTANCE', `No instance to call: ${reason}.`, options);
  }
}

function describe(value: unknown): string {
  const whole = textOf(value);
  const text = looksLikeKey(whole) ? 'a text that may be a key' : redact(whole);
  return `${text.length > 80 ? `${text.slice(0, 80)}…` : text} (${value === null ? 'null' : typeof value})`;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return value.name || 'one without a name';
  try {
    return String(value);
  } catch {
    // Without a prototype, or with a toString that throws.
    return 'one that has no text';
  }
}

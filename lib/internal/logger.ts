import { InvalidOptionError } from '../errors.js';

/**
 * A logger as pino has it, and others that take an object and a message.
 *
 * @example
 * ```ts
 * const registry = createRegistry('etcd://127.0.0.1:2379', { logger: pino() });
 * ```
 */
export interface Logger {
  /** What is usual, such as the first attempt to connect. */
  debug(details: object, message: string): void;
  /** What is worth knowing, such as a connection or a registration that stands. */
  info(details: object, message: string): void;
  /** What was got around, such as an outage or an unreadable node. */
  warn(details: object, message: string): void;
  /** What was lost: a session. */
  error(details: object, message: string): void;
}

/** How bad it is that something happened. */
export type LogLevel = keyof Logger;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** A logger, or nothing. @throws InvalidOptionError */
export function optionalLogger(logger: Logger | undefined): Logger | undefined {
  if (logger === undefined) return undefined;
  // Plain JavaScript may hand in anything.
  const isLogger = typeof logger === 'object' && logger !== null;
  if (isLogger && LEVELS.every((level) => typeof logger[level] === 'function')) return logger;
  throw new InvalidOptionError('logger', 'an object with the methods debug, info, warn and error', logger);
}

import { InvalidOptionError } from '../errors.js';

/** A logger as pino has it, and others that take an object and a message. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
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

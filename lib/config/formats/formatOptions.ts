import type { OperatorFunction } from 'rxjs';
import { InvalidOptionError } from '../../errors.js';
import type { ConfigValue } from '../configValue.js';
import { type OnInvalidConfig, reporter } from '../invalidConfig.js';
import { lastGood } from './lastGood.js';

/** How a value is read that may have any shape. */
export interface FormatOptions<F = undefined> {
  /** What is told as long as the key holds nothing, or nothing that was ever good. @defaultValue `undefined` */
  readonly fallback?: F;
  /** Told of every content that cannot be used, once; without it, the debug log is. */
  readonly onInvalid?: OnInvalidConfig;
}

/** How a value is read that shall be a `T`. */
export interface TypedFormatOptions<P, T, F = undefined> extends FormatOptions<F> {
  /** Makes a `T` of what was parsed, and throws where it cannot: a function of your own, or zod's `schema.parse`. */
  readonly schema: (parsed: P) => T;
}

/** An operator that reads values in a format. */
export function format<P>(
  parse: (content: string) => P,
  options: FormatOptions<unknown> | TypedFormatOptions<P, unknown, unknown>,
): OperatorFunction<ConfigValue, unknown> {
  const { fallback, onInvalid } = options;
  const schema = 'schema' in options ? options.schema : (parsed: P) => parsed;
  if (typeof schema !== 'function') throw new InvalidOptionError('schema', 'a function', schema);
  if (onInvalid !== undefined && typeof onInvalid !== 'function') {
    throw new InvalidOptionError('onInvalid', 'a function', onInvalid);
  }
  return lastGood<P, unknown>({
    parse,
    accept: (parsed) => schema(parsed),
    absent: fallback,
    report: reporter(onInvalid),
  });
}

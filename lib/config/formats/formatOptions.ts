import type { OperatorFunction } from 'rxjs';
import { optionalFunction, optionsObject } from '../../internal/options.js';
import type { ConfigValue } from '../configValue.js';
import { type OnInvalidConfig, reporter } from '../invalidConfig.js';
import { lastGood } from './lastGood.js';

/** How a value is read that may have any shape. */
export interface FormatOptions<F = undefined> {
  /** What is told as long as the key holds nothing, or nothing that was ever good. @defaultValue `undefined` */
  readonly fallback?: F | undefined;
  /** Told of every content that cannot be used, once; without it, the debug log is. */
  readonly onInvalid?: OnInvalidConfig | undefined;
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
  const { fallback, onInvalid } = optionsObject(options);
  const schema = optionalFunction('schema', 'schema' in options ? options.schema : undefined);
  optionalFunction('onInvalid', onInvalid);
  return lastGood<P, unknown>({
    parse,
    accept: (parsed) => (schema ? schema(parsed) : parsed),
    absent: fallback,
    report: reporter(onInvalid),
  });
}

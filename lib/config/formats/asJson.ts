import type { OperatorFunction } from 'rxjs';
import type { ConfigValue } from '../configValue.js';
import { format, type FormatOptions, type TypedFormatOptions } from './formatOptions.js';
import { parseJson } from './parseJson.js';

/**
 * Reads values as JSON; what cannot be read is reported, and the last good value stays.
 *
 * Promises what {@link asYaml} does. More than 1048576 characters, or 32768 lists, objects and colons, a nesting of more than 100
 * and a key `__proto__` are refused.
 *
 * @throws InvalidOptionError if `schema` or `onInvalid` is no function.
 *
 * @example
 * ```ts
 * config.watch('features.json').pipe(asJson({ schema: Features.parse, fallback: NO_FEATURES }));
 * ```
 */
export function asJson<T, F = undefined>(
  options: TypedFormatOptions<unknown, T, F>,
): OperatorFunction<ConfigValue, T | F>;
export function asJson(options?: FormatOptions<unknown>): OperatorFunction<ConfigValue, unknown>;
export function asJson(
  options: FormatOptions<unknown> | TypedFormatOptions<unknown, unknown, unknown> = {},
): OperatorFunction<ConfigValue, unknown> {
  return format(parseJson, options);
}

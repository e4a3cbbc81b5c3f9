import type { OperatorFunction } from 'rxjs';
import type { ConfigValue } from '../configValue.js';
import { format, type FormatOptions, type TypedFormatOptions } from './formatOptions.js';

/**
 * Reads values as the text they are; with a `schema`, what that refuses is reported, and the last good value stays.
 *
 * Promises what {@link asYaml} does.
 *
 * @throws InvalidOptionError if `schema` or `onInvalid` is no function.
 *
 * @example
 * ```ts
 * config.watch('banner.txt').pipe(asText({ fallback: '' }));
 * ```
 */
export function asText<T, F = undefined>(
  options: TypedFormatOptions<string, T, F>,
): OperatorFunction<ConfigValue, T | F>;
export function asText<F = undefined>(options?: FormatOptions<F>): OperatorFunction<ConfigValue, string | F>;
export function asText(
  options: FormatOptions<unknown> | TypedFormatOptions<string, unknown, unknown> = {},
): OperatorFunction<ConfigValue, unknown> {
  return format((content) => content, options);
}

import type { OperatorFunction } from 'rxjs';
import type { ConfigValue } from '../configValue.js';
import { format, type FormatOptions, type TypedFormatOptions } from './formatOptions.js';
import { parseProperties } from './parseProperties.js';

/** Values by name, as `.properties` have them: a record without prototype. */
export type Properties = Readonly<Record<string, string>>;

/**
 * Reads values as `.properties`, the way `java.util.Properties` does; what cannot be read is reported, and the last good value
 * stays.
 *
 * Promises what {@link asYaml} does. A malformed `\uXXXX` cannot be read, more than 1048576 characters or 16384 line breaks are
 * refused; a key `__proto__` is left out, and the order of lines says nothing.
 *
 * @throws InvalidOptionError if `schema` or `onInvalid` is no function.
 *
 * @example
 * ```ts
 * const timeoutMs = config
 *   .watch('user-service.properties', { group: 'acme' })
 *   .pipe(asProperties({ fallback: {} }), map((properties) => Number(properties['timeout'] ?? 1_000)));
 * ```
 */
export function asProperties<T, F = undefined>(
  options: TypedFormatOptions<Properties, T, F>,
): OperatorFunction<ConfigValue, T | F>;
export function asProperties(
  options: FormatOptions<Properties> & { readonly fallback: Properties },
): OperatorFunction<ConfigValue, Properties>;
export function asProperties<F = undefined>(options?: FormatOptions<F>): OperatorFunction<ConfigValue, Properties | F>;
export function asProperties(
  options: FormatOptions<unknown> | TypedFormatOptions<Properties, unknown, unknown> = {},
): OperatorFunction<ConfigValue, unknown> {
  return format(parseProperties, options);
}

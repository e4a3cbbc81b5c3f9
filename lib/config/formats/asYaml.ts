import type { OperatorFunction } from 'rxjs';
import type { ConfigValue } from '../configValue.js';
import { format, type FormatOptions, type TypedFormatOptions } from './formatOptions.js';
import { parseYaml } from './parseYaml.js';

/**
 * Reads values as YAML, one document each; what cannot be read is reported, and the last good value stays.
 *
 * ```text
 *  values      --A---?---B---b---.---    A, B: good, b: B written otherwise, ?: not YAML, .: absent
 *  asYaml()    --a-------b-------u---    u: undefined, or the fallback
 *  onInvalid   ------x---------------
 * ```
 *
 * Promises, as all formats do: nothing is told twice in a row, compared by what the text says. Before the first good value it
 * tells `fallback`, as it does when the key holds nothing. Cold if the source is; completes and errors with it, and with
 * nothing else.
 *
 * It is YAML 1.2 in the core schema: a repeated key counts with its last value, tags are ignored, merge keys are none. What would
 * hold the event loop is refused: more than 524288 characters, or 16384 line breaks, separators and quotes, or 100 aliases, or
 * 100000 values with those written out. So are a nesting of more than 100, a circle and a key `__proto__`.
 *
 * @throws InvalidOptionError if `schema` or `onInvalid` is no function.
 *
 * @example
 * ```ts
 * const limits = config
 *   .watch('limits.yaml')
 *   .pipe(asYaml({ schema: Limits.parse, fallback: DEFAULT_LIMITS, onInvalid: (error) => log.warn(error.message) }));
 * ```
 */
export function asYaml<T, F = undefined>(
  options: TypedFormatOptions<unknown, T, F>,
): OperatorFunction<ConfigValue, T | F>;
export function asYaml(options?: FormatOptions<unknown>): OperatorFunction<ConfigValue, unknown>;
export function asYaml(
  options: FormatOptions<unknown> | TypedFormatOptions<unknown, unknown, unknown> = {},
): OperatorFunction<ConfigValue, unknown> {
  return format(parseYaml, options);
}

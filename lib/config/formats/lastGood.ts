import { distinctUntilChanged, map, type OperatorFunction, scan } from 'rxjs';
import { InvalidConfigError } from '../../errors.js';
import type { ConfigValue, PresentConfigValue } from '../configValue.js';
import type { OnInvalidConfig } from '../invalidConfig.js';
import { samePlain } from './samePlain.js';

/** How {@link lastGood} makes something of a value. */
export interface Reading<P, T> {
  /** From text to what it says; throws where it cannot. */
  readonly parse: (content: string) => P;
  /** From what it says to what is told; throws where that will not do. */
  readonly accept: (parsed: P, value: PresentConfigValue) => T;
  /** What is told of a key that holds nothing. */
  readonly absent: T;
  readonly report: OnInvalidConfig;
}

interface Kept<P, T> {
  /** What was read last, good or bad; `null` before anything. */
  readonly content: string | undefined | null;
  readonly parsed: P | undefined;
  readonly result: T;
}

/**
 * Reads values; one that cannot be read is reported, and the last that could stays.
 *
 * Tells nothing twice: a text is read once, and one that says the same as the last changes nothing. Before the first good
 * value it tells `absent`.
 */
export function lastGood<P, T>({ parse, accept, absent, report }: Reading<P, T>): OperatorFunction<ConfigValue, T> {
  return (values) =>
    values.pipe(
      scan(
        (last: Kept<P, T>, value): Kept<P, T> => {
          const { content } = value;
          if (content === last.content) return last;
          if (!value.present) return { content, parsed: undefined, result: absent };
          try {
            const parsed = parse(value.content);
            if (last.parsed !== undefined && samePlain(parsed, last.parsed)) return { ...last, content };
            return { content, parsed, result: accept(parsed, value) };
          } catch (cause) {
            const reason = cause instanceof Error ? cause.message : String(cause);
            report(new InvalidConfigError(value.key, reason, { cause }));
            return { ...last, content };
          }
        },
        { content: null, parsed: undefined, result: absent },
      ),
      map(({ result }) => result),
      distinctUntilChanged(),
    );
}

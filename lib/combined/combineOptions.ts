import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { checked, count, flag, milliseconds, optionsObject } from '../internal/options.js';
import { quoted } from '../internal/quoted.js';
import type { Registry } from '../registry.js';
import type { FailoverSettings } from './failover.js';

/** How `combineRegistries` reads and writes. */
export interface CombineOptions {
  /**
   * How what the registries know becomes one. `'union'`: an instance is there while any of them has it, as the first in order
   * says that has it. `'failover'`: only what one of them has, the first that answers; when its session is lost, what another one
   * has that answers, until an earlier one has been good again for `stableMs`. `'prefer'`: what the first one has; while that is less
   * than `minimum`, also what the second one has, and so on. @defaultValue `'union'`
   */
  readonly read?: 'union' | 'failover' | 'prefer' | undefined;
  /**
   * Only with `read: 'prefer'`: as long as there are fewer instances than this, those of the next registry are added.
   *
   * @defaultValue 1
   */
  readonly minimum?: number | undefined;
  /**
   * Only with `read: 'failover'`: how long an earlier registry has to answer again before it is read again, in milliseconds.
   *
   * @defaultValue 30_000
   */
  readonly stableMs?: number | undefined;
  /**
   * Only with `read: 'failover'`: whether a registry that knows nobody is taken for one that is down. If not, a true removal of
   * the last instance is told. @defaultValue `false`
   */
  readonly treatEmptyAsDown?: boolean | undefined;
  /** The names of the registries that services are registered in. @defaultValue all */
  readonly write?: readonly string[] | undefined;
  /**
   * How long the first answer to a query waits for registries that have not answered, once one has, in milliseconds.
   *
   * @defaultValue 1000
   */
  readonly settleMs?: number | undefined;
  /** How long `lookup` and `provide` wait, in milliseconds. @defaultValue 30000 */
  readonly timeoutMs?: number | undefined;
  /** Measures time. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/** Options that were checked, with their defaults. */
export interface Settings extends FailoverSettings {
  readonly read: NonNullable<CombineOptions['read']>;
  readonly minimum: number;
  readonly write: readonly string[];
  readonly settleMs: number;
  readonly timeoutMs: number;
  readonly scheduler: SchedulerLike;
}

/** Checks what is to be combined, and how. @throws InvalidOptionError */
export function combineSettings(registries: Readonly<Record<string, Registry>>, options: CombineOptions): Settings {
  const parts = Object.entries(optionsObject(registries, 'an object with registries by name', 'registries'));
  const { read = 'union', write } = optionsObject(options);
  const isMade = parts.every(
    ([, part]) => typeof part?.instances === 'function' && typeof part.register === 'function',
  );
  checked('registries', registries, 'registries by name', parts.length > 0 && isMade);
  checked('registries', registries, 'each registry once', new Set(parts.map(([, part]) => part)).size === parts.length);
  checked('read', read, "'union', 'failover' or 'prefer'", ['union', 'failover', 'prefer'].includes(read));
  for (const [name, of] of [
    ['stableMs', 'failover'],
    ['treatEmptyAsDown', 'failover'],
    ['minimum', 'prefer'],
  ] as const) {
    checked(name, options[name], `nothing, unless \`read\` is '${of}'`, options[name] === undefined || read === of);
  }
  const names = parts.map(([name]) => name);
  const isNamed =
    Array.isArray(write) && write.length > 0 && write.every((name: unknown) => names.some((each) => each === name));
  checked('write', write, `some of ${names.map((name) => quoted(name)).join(', ')}`, write === undefined || isNamed);
  return {
    write: names.filter((name) => write?.includes(name) ?? true),
    read,
    minimum: count('minimum', options.minimum, 1),
    stableMs: milliseconds('stableMs', options.stableMs, 30_000),
    treatEmptyAsDown: flag('treatEmptyAsDown', options.treatEmptyAsDown ?? false),
    settleMs: milliseconds('settleMs', options.settleMs, 1_000),
    timeoutMs: milliseconds('timeoutMs', options.timeoutMs, 30_000),
    scheduler: options.scheduler ?? asyncScheduler,
  };
}

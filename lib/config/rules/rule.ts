import { DEFAULT_PREFIX, type ServiceUrl } from '../../dubbo/index.js';

/** On whose behalf an instance is looked at: Dubbo has rules that its provider obeys, and rules that a consumer does. */
export type Side = 'provider' | 'consumer';

/** What a rule is asked about: an instance, as one of the two sides sees it. */
export interface Subject {
  readonly side: Side;
  /** The host of that side: the instance's own, or the consumer's. */
  readonly host: string;
  /** The application of that side. */
  readonly application: string | undefined;
  readonly instance: ServiceUrl;
  /** A parameter of the instance, with what earlier rules made of it. */
  readonly parameter: (name: string) => string | undefined;
}

/** Whether a rule is for that. */
export type Condition = (subject: Subject) => boolean;

/** One rule for one address, read and checked. */
export interface OverrideRule {
  /** Every one of them has to hold. */
  readonly conditions: readonly Condition[];
  /** What it sets. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Whether it only sets what is not there (`absent://`). */
  readonly isDefault: boolean;
  /** The host it was written for; `0.0.0.0` for any. */
  readonly host: string;
  readonly priority: number;
}

/** Dubbo's way to write that any host will do. */
export const ANY_HOST = '0.0.0.0';

/**
 * What Dubbo takes from a rule as a condition or a remark, never as something to set: an instance stays who it is.
 *
 * Source: `AbstractConfigurator.genConditionKeys`; the last line is ours.
 */
const NEVER_SET: ReadonlySet<string> = new Set(
  `category check dynamic enabled group version application side configVersion compatible_config interfaces
  interface path anyhost priority providerAddresses`.split(/\s+/),
);

/** Whether a rule may set a parameter of that name. */
export function maySet(name: string): boolean {
  const plain = withoutPrefix(name);
  return plain !== '' && !plain.startsWith('~') && !NEVER_SET.has(plain);
}

/** What a rule sets: of what it says, all that it may. As in Java, `default.x` in a rule sets `x` where the rule does not. */
export function settable(parameters: Iterable<readonly [name: string, value: string]>): ReadonlyMap<string, string> {
  const all = [...parameters].filter(([name]) => maySet(name));
  const defaults = all.filter(([name]) => name.startsWith(DEFAULT_PREFIX));
  const named = all.filter(([name]) => !name.startsWith(DEFAULT_PREFIX));
  return new Map([...defaults.map(([name, value]) => [withoutPrefix(name), value] as const), ...named]);
}

function withoutPrefix(name: string): string {
  return name.startsWith(DEFAULT_PREFIX) ? name.slice(DEFAULT_PREFIX.length) : name;
}

/**
 * In which order rules of one place apply, the last one wins: as Java sorts them, by host, so that a rule for one host wins
 * over one for all, then by `priority`.
 */
export function inOrder(rules: Iterable<OverrideRule>): OverrideRule[] {
  return [...rules].sort((a, b) => (a.host === b.host ? a.priority - b.priority : a.host < b.host ? -1 : 1));
}

import { type ServiceUrl, splitHostPort } from '../../dubbo/index.js';
import { quoted } from '../../internal/quoted.js';
import { ANY_HOST, type Condition, type Side } from './rule.js';

/** An address that a rule names. */
export interface RuleAddress {
  /** `0.0.0.0` for any. */
  readonly host: string;
  readonly port: number | undefined;
}

/**
 * Reads `host`, `host:port`, `host:*` or `*`.
 *
 * @throws Error if it is none of these.
 */
export function ruleAddress(text: string): RuleAddress {
  const address = splitHostPort(text.trim().replace(/:\*$/, ''));
  if (!address || address.host === '') throw new Error(`expected host or host:port, got ${quoted(text)}.`);
  return address.host === '*' ? { ...address, host: ANY_HOST } : address;
}

/** Only on that side. */
export function onSide(side: Side): Condition {
  return (subject) => subject.side === side;
}

/** Only where the side's own host is that one; ports do not count. */
export function onHost(host: string): Condition {
  return (subject) => host === ANY_HOST || host === subject.host;
}

/** Only for instances at one of the addresses; it costs the same, however many they are. */
export function atAddress(addresses: readonly RuleAddress[]): Condition {
  const portsOf = new Map<string, Set<number | undefined>>();
  for (const { host, port } of addresses) portsOf.set(host, (portsOf.get(host) ?? new Set()).add(port));
  return ({ instance }) =>
    [ANY_HOST, instance.host].some((host) => {
      const ports = portsOf.get(host);
      return ports !== undefined && (ports.has(undefined) || ports.has(instance.port));
    });
}

/** Only for one of the applications, `*` for any. */
export function forApplication(applications: readonly string[]): Condition {
  const names = new Set<string | undefined>(applications);
  return names.has('*') ? () => true : ({ application }) => names.has(application);
}

/** A service that a rule names; `*` stands for any interface, group or version. */
export interface RuleService {
  readonly interface: string;
  readonly group: string;
  readonly version: string;
}

/** Reads Dubbo's service key, `[group/]interface[:version]`. */
export function ruleService(text: string): RuleService {
  const slash = text.indexOf('/');
  const rest = text.slice(slash + 1);
  const colon = rest.indexOf(':');
  return {
    group: slash < 0 ? '' : text.slice(0, slash),
    interface: colon < 0 ? rest : rest.slice(0, colon),
    version: colon < 0 ? '' : withoutDefault(rest.slice(colon + 1)),
  };
}

/** The service that an instance offers, as rules name it. */
export function serviceOf(url: ServiceUrl): RuleService {
  return { interface: url.interface, group: url.group ?? '', version: withoutDefault(url.version ?? '') };
}

/**
 * Only for instances of one of the services: group and version have to be the same, and none is one of them, as in Java. A bare
 * `*` is any service.
 */
export function forService(services: readonly RuleService[]): Condition {
  const isPattern = (service: RuleService): boolean => PARTS.some((part) => service[part] === '*');
  const named = new Set(services.filter((service) => !isPattern(service)).map(keyOf));
  const patterns = limited('services', services.filter(isPattern));
  return ({ instance }) => {
    const offered = serviceOf(instance);
    return (
      named.has(keyOf(offered)) ||
      patterns.some((wanted) => {
        if (wanted.interface === '*' && wanted.group === '' && wanted.version === '') return true;
        return PARTS.every((part) => wanted[part] === '*' || wanted[part] === offered[part]);
      })
    );
  };
}

const PARTS = ['interface', 'group', 'version'] as const;

/** No part of what is registered can have a line break in it. */
function keyOf(service: RuleService): string {
  return PARTS.map((part) => service[part]).join('\n');
}

/** How many patterns one list may have: each is tried for each instance, so that more of them would hold a process up. */
const MOST_PATTERNS = 256;

/**
 * Patterns, if they are not too many.
 *
 * @throws Error if they are.
 */
export function limited<T>(what: string, patterns: readonly T[]): readonly T[] {
  if (patterns.length <= MOST_PATTERNS) return patterns;
  throw new Error(`expected ${what} to have at most ${MOST_PATTERNS} patterns, got ${patterns.length}.`);
}

/** Only where the parameter has that value, `*` for any; how `~name=value` in a rule is meant. */
export function withParameter(name: string, value: string): Condition {
  return ({ parameter, side, application }) => {
    if (value === '*') return true;
    return value === (name === 'side' ? side : name === 'application' ? application : parameter(name));
  };
}

/** A version as it counts: `0.0.0` is Dubbo's way to write that there is none. */
export function withoutDefault(version: string): string {
  return version === '0.0.0' ? '' : version;
}

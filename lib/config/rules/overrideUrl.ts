import type { ServiceUrl } from '../../dubbo/index.js';
import { atAddress, forApplication, forService, onHost, ruleAddress, serviceOf, withParameter } from './conditions.js';
import { ANY_HOST, type Condition, type OverrideRule, settable } from './rule.js';
import { isTrue } from './shapes.js';

/**
 * Reads a rule that is a URL, such as the nodes under `configurators`: `override://` sets parameters, `absent://` those that are
 * not there.
 *
 * With a port it is for the instances at that address, without one for the consumers on that host, and `0.0.0.0` is any host. Its
 * interface, group and version name the service; `application`, or else the user name, whom it is for; `side`,
 * `providerAddresses` and `~name` are further conditions. Everything else is set.
 *
 * @returns The rule; `undefined` for one that is switched off, sets nothing, or is a copy for old Dubbo of a rule in the
 * configuration centre (`compatible_config`).
 * @throws Error that says why it is none.
 */
export function overrideRule(url: ServiceUrl): OverrideRule | undefined {
  const { protocol } = url;
  if (protocol !== 'override' && protocol !== 'absent') {
    throw new Error(`expected override:// or absent://, got ${protocol}://.`);
  }
  if (url.interface === '') throw new Error('it names no interface.');
  const enabled = url.parameter('enabled');
  const parameters = settable(url.parameters);
  if ((enabled && !isTrue(enabled)) || url.parameter('compatible_config') || parameters.size === 0) return undefined;
  return {
    conditions: conditionsOf(url),
    parameters,
    isDefault: protocol === 'absent',
    host: url.host,
    priority: priorityOf(url.parameter('priority')),
  };
}

function conditionsOf(url: ServiceUrl): Condition[] {
  const conditions = [forService([serviceOf(url)]), addressed(url)];
  const application = url.parameter('application') || url.username;
  if (application) conditions.push(forApplication([application]));
  const side = url.parameter('side');
  if (side) conditions.push(withParameter('side', side));
  const addresses = url.parameter('providerAddresses');
  if (addresses) conditions.push(atAddress(addresses.split(',').map(ruleAddress)));
  for (const [name, value] of url.parameters) {
    if (name.startsWith('~')) conditions.push(withParameter(name.slice(1), value));
  }
  return conditions;
}

/** Dubbo 2.7 and later write a version and a side; before, the port told whether an address was a provider's. */
function addressed(url: ServiceUrl): Condition {
  const { host, port } = url;
  if (url.parameter('configVersion')) {
    if (!url.parameter('side')) throw new Error('it has a configVersion, but no side: no Dubbo applies it.');
    return onHost(host);
  }
  if (port !== undefined) return atAddress([{ host, port }]);
  return (subject) => host === ANY_HOST || (subject.side === 'consumer' && subject.host === host);
}

function priorityOf(text: string | undefined): number {
  return text !== undefined && /^[+-]?\d{1,10}$/.test(text) ? Number(text) : 0;
}

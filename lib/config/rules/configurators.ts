import { ServiceUrl } from '../../dubbo/index.js';
import { quoted } from '../../internal/quoted.js';
import {
  atAddress,
  forApplication,
  forService,
  onHost,
  onSide,
  type RuleAddress,
  ruleAddress,
  ruleService,
  withoutDefault,
  withParameter,
} from './conditions.js';
import { matchCondition } from './matchCondition.js';
import { overrideRule } from './overrideUrl.js';
import { type Condition, inOrder, maySet, type OverrideRule, settable, type Side } from './rule.js';
import { isTrue, listIn, recordIn, textIn, textsIn } from './shapes.js';

/** Where a document stands, which says what it may speak of. */
export type DocumentPlace =
  { readonly application: string } | { readonly interface: string; readonly group: string; readonly version: string };

/** What a document says. */
export interface ReadConfigurators {
  /** In the order in which they apply. */
  readonly rules: readonly OverrideRule[];
  /** What could not be read of it, and was left out. */
  readonly problems: readonly string[];
}

/**
 * Reads Dubbo's document of `<application>.configurators` or `<service>.configurators`, versions 2.7 and 3.
 *
 * A config that cannot be read is a problem and left out, the others count. What Java made of lists that are URLs is read too.
 *
 * @param document - What YAML made of it.
 * @param place - Where it stands.
 * @throws Error if nothing of it can be read.
 */
export function readConfigurators(document: unknown, place: DocumentPlace): ReadConfigurators {
  const problems: string[] = [];
  const collect = (
    entries: readonly unknown[],
    read: (entry: unknown) => readonly OverrideRule[],
  ): ReadConfigurators => {
    let unread = 0;
    const rules = entries.flatMap((entry, index) => {
      try {
        return read(entry);
      } catch (error) {
        unread += 1;
        problems.push(`configs[${index}]: ${error instanceof Error ? error.message : String(error)}`);
        return [];
      }
    });
    if (unread > 0 && unread === entries.length) throw new Error(problems.join(' '));
    return { rules: inOrder(rules), problems };
  };

  if (document === null || document === undefined) return { rules: [], problems };
  if (Array.isArray(document)) return collect(document, ruleOfUrl);
  const root = recordIn('the document', document);
  checkVersion(root['configVersion'] ?? root['apiVersion']);
  checkPlace(root, place);
  const isEnabled = root['enabled'] === undefined || root['enabled'] === null || isTrue(root['enabled']);
  const configs = root['configs'] ?? [];
  return collect(listIn('configs', configs), (config) => rulesOf(recordIn('it', config), isEnabled, place, problems));
}

function ruleOfUrl(text: unknown): readonly OverrideRule[] {
  const rule = overrideRule(ServiceUrl.parse(textIn('it', text)));
  return rule ? [rule] : [];
}

function rulesOf(
  config: Readonly<Record<string, unknown>>,
  isDocumentEnabled: boolean,
  place: DocumentPlace,
  problems: string[],
): readonly OverrideRule[] {
  const { side, type, enabled, match, parameters } = config;
  if (side !== 'consumer' && side !== 'provider') {
    throw new Error('expected side to be consumer or provider: without one, no Dubbo applies it.');
  }
  const addresses = textsIn('addresses', config['addresses']).map(ruleAddress);
  const providerAddresses = textsIn('providerAddresses', config['providerAddresses']).map(ruleAddress);
  const values = Object.entries(recordIn('parameters', parameters)).map(
    ([name, value]) => [name, textIn(`parameters.${name}`, value).trim()] as const,
  );
  const conditions = [
    onSide(side),
    ...ofPlace(config, place),
    ...(match === undefined || match === null ? [] : [matchCondition(match)]),
    ...values.filter(([name]) => name.startsWith('~')).map(([name, value]) => withParameter(name.slice(1), value)),
  ];
  const set = settable(values);
  if (set.size === 0) throw new Error('expected parameters to set something.');
  for (const [name] of values) {
    if (!maySet(name) && !name.startsWith('~')) problems.push(`parameter ${quoted(name)} is not for rules to set.`);
  }
  // The types are those that the admin console makes; only they have a switch of their own.
  const hasOwnSwitch = type !== undefined && type !== null && type !== 'general';
  const isOn = (enabled === undefined || enabled === null || isTrue(enabled)) && (hasOwnSwitch || isDocumentEnabled);
  if (!isOn) return [];
  const hosts = addresses.length > 0 ? addresses : [{ host: '0.0.0.0', port: undefined }];
  return hosts.map(({ host }): OverrideRule => ({
    conditions: [onHost(host), ...atProvider(side, providerAddresses, addresses), ...conditions],
    parameters: set,
    isDefault: false,
    host,
    priority: 0,
  }));
}

/** On the provider's side, the addresses are those of instances too. */
function atProvider(side: Side, named: readonly RuleAddress[], addresses: readonly RuleAddress[]): Condition[] {
  const wanted = named.length > 0 || side === 'consumer' ? named : addresses;
  return wanted.length === 0 ? [] : [atAddress(wanted)];
}

function ofPlace(config: Readonly<Record<string, unknown>>, place: DocumentPlace): Condition[] {
  if ('application' in place) {
    const services = textsIn('services', config['services']).map(ruleService);
    return [forApplication([place.application]), ...(services.length === 0 ? [] : [forService(services)])];
  }
  const applications = textsIn('applications', config['applications']);
  return [forService([place]), ...(applications.length === 0 ? [] : [forApplication(applications)])];
}

function checkVersion(version: unknown): void {
  if (version === undefined || version === null || /^v?[23](?:\.|$)/.test(textIn('configVersion', version))) return;
  throw new Error(`expected configVersion to be v2.7 or v3.x, got ${quoted(textIn('configVersion', version))}.`);
}

function checkPlace(root: Readonly<Record<string, unknown>>, place: DocumentPlace): void {
  const scope = root['scope'] ?? 'service';
  const expected = 'application' in place ? 'application' : 'service';
  if (scope !== expected) {
    throw new Error(`expected scope ${expected} under this key, got ${quoted(textIn('scope', scope))}.`);
  }
  const key = textIn('key', root['key']);
  if (names(key, place)) return;
  throw new Error(`expected its key to name the ${expected} whose rules stand here, got ${quoted(key)}.`);
}

/** The admin console writes an interface alone, or `interface:version:group`, where Dubbo writes `group/interface:version`. */
function names(key: string, place: DocumentPlace): boolean {
  if ('application' in place) return key === place.application;
  const colons = key.split(':');
  if (colons.length === 3 && !key.includes('/')) {
    return colons[0] === place.interface && withoutDefault(colons[1]!) === place.version && colons[2] === place.group;
  }
  const { interface: name, group, version } = ruleService(key);
  const isSame = (given: string, there: string): boolean => given === '' || given === '*' || given === there;
  return name === place.interface && isSame(group, place.group) && isSame(version, place.version);
}

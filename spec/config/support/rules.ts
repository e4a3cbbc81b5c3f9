import { InvalidUrlError } from '../../../lib/errors.js';
import { ServiceUrl } from '../../../lib/dubbo/index.js';
import { parseYaml } from '../../../lib/config/formats/parseYaml.js';
import { type DocumentPlace, readConfigurators } from '../../../lib/config/rules/configurators.js';
import { overridden } from '../../../lib/config/rules/overridden.js';
import { overrideRule } from '../../../lib/config/rules/overrideUrl.js';
import { inOrder, type OverrideRule } from '../../../lib/config/rules/rule.js';

export const CONSUMER = { application: 'shop', host: '10.9.9.9' };
export const USERS = { interface: 'com.acme.Users', group: '', version: '1.0' };

/** A provider of that service. */
export function provider(address = '10.0.0.1:20880', parameters = ''): ServiceUrl {
  return ServiceUrl.parse(`dubbo://${address}/com.acme.Users?application=users&version=1.0&side=provider${parameters}`);
}

/** The rules of a document under the key of the service, all of it good. */
export function documentRules(yaml: string, place: DocumentPlace = USERS): readonly OverrideRule[] {
  const { rules, problems } = readConfigurators(parseYaml(yaml), place);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return rules;
}

/** The rules that URLs are. */
export function urlRules(...urls: string[]): readonly OverrideRule[] {
  return inOrder(urls.flatMap((url) => overrideRule(ServiceUrl.parse(url)) ?? []));
}

/** What rules change of an instance: its parameters that are new or other than before, or `removed`. */
export function changes(
  rules: readonly OverrideRule[],
  instance: ServiceUrl = provider(),
  consumer: typeof CONSUMER = CONSUMER,
): Record<string, string> | 'removed' {
  const result = overridden(instance, rules, consumer);
  if (!result) return 'removed';
  if (result.address !== instance.address || result.serviceKey !== instance.serviceKey)
    throw new InvalidUrlError('moved');
  return Object.fromEntries([...result.parameters].filter(([name, value]) => instance.parameter(name) !== value));
}

import { isSwitchedOff, type ServiceUrl } from '../../dubbo/index.js';
import type { OverrideRule, Subject } from './rule.js';

/** Who looks at instances. */
export interface ConsumerSide {
  readonly application: string | undefined;
  readonly host: string;
}

/**
 * What rules make of an instance.
 *
 * First those for the provider's side apply, to get what it would announce if it obeyed them, then those for the consumer's, each
 * time in the order given; the last one wins.
 *
 * @param instance - The instance as the registry has it.
 * @param rules - The rules, in the order in which they apply.
 * @param consumer - On whose behalf.
 * @returns The instance itself if nothing changes, a copy with other parameters, or `undefined` if it ends switched off.
 */
export function overridden(
  instance: ServiceUrl,
  rules: readonly OverrideRule[],
  consumer: ConsumerSide,
): ServiceUrl | undefined {
  const changes = new Map<string, string>();
  const parameter = (name: string): string | undefined => changes.get(name) ?? instance.parameter(name);
  const subjects: readonly Subject[] = [
    { side: 'provider', host: instance.host, application: instance.parameter('application'), instance, parameter },
    { side: 'consumer', ...consumer, instance, parameter },
  ];
  for (const subject of subjects) {
    for (const rule of rules) {
      if (!rule.conditions.every((holds) => holds(subject))) continue;
      for (const [name, value] of rule.parameters) {
        if (!rule.isDefault || parameter(name) === undefined) changes.set(name, value);
      }
    }
  }
  if (isSwitchedOff(parameter)) return undefined;
  const isSame = [...changes].every(([name, value]) => instance.parameter(name) === value);
  return isSame ? instance : instance.with({ parameters: changes });
}

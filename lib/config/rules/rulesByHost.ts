import { ANY_HOST, type OverrideRule } from './rule.js';

/**
 * The rules of one place, to be found by the hosts that they are for: a rule for some other host costs an instance nothing.
 *
 * @see inOrder, which gives the rules their order.
 */
export class RulesByHost {
  readonly #byHost = new Map<string, OverrideRule[]>();

  constructor(rules: readonly OverrideRule[]) {
    for (const rule of rules) {
      const same = this.#byHost.get(rule.host);
      if (same) same.push(rule);
      else this.#byHost.set(rule.host, [rule]);
    }
  }

  /** The rules for any of the hosts, or for every host, in the order in which they apply. */
  for(...hosts: readonly string[]): readonly OverrideRule[] {
    return [...new Set([ANY_HOST, ...hosts])].sort().flatMap((host) => this.#byHost.get(host) ?? []);
  }
}

import { LEVEL_PARAMETERS, type ServiceUrl } from '../dubbo/index.js';
import { isSecretName } from '../internal/redact.js';

/** One parameter that differs; `undefined` stands for absent. */
export interface ParameterChange {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Who wrote the node and when, and on which of Dubbo's levels it stands: that differs where the service is the same. */
const OF_THE_NODE: ReadonlySet<string> = new Set(['timestamp', 'pid', ...LEVEL_PARAMETERS]);

/** Which parameters differ between two URLs of one instance, but for those that only say something of its node. */
export function changedParameters(before: ServiceUrl, after: ServiceUrl): ParameterChange[] {
  const [was, is] = [before.parameters, after.parameters];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((name) => was.get(name) !== is.get(name) && !OF_THE_NODE.has(name))
    .sort()
    .map((name) => ({ name, before: shown(name, was.get(name)), after: shown(name, is.get(name)) }));
}

function shown(name: string, value: string | undefined): string | undefined {
  return value !== undefined && isSecretName(name) ? '***' : value;
}

import type { ServiceUrl } from '../dubbo/index.js';
import { isSecretName } from '../internal/redact.js';

/** One parameter that differs; `undefined` stands for absent. */
export interface ParameterChange {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Which parameters differ between two URLs of one instance, but for those that say when and by whom it was written. */
export function changedParameters(before: ServiceUrl, after: ServiceUrl): ParameterChange[] {
  const [was, is] = [before.parameters, after.parameters];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((name) => was.get(name) !== is.get(name) && name !== 'timestamp' && name !== 'pid')
    .sort()
    .map((name) => ({ name, before: shown(name, was.get(name)), after: shown(name, is.get(name)) }));
}

function shown(name: string, value: string | undefined): string | undefined {
  return value !== undefined && isSecretName(name) ? '***' : value;
}

import { InvalidOptionError } from '../errors.js';
import { UNFIT_FOR_PATHS } from '../internal/path.js';

/** What a governance rule does; each kind has a key of its own. */
export type GovernanceKind = 'configurators' | 'condition-router' | 'tag-router';

/** A service, as Dubbo tells services apart. */
export interface GovernedService {
  readonly interface: string;
  /** Without it, or with `0.0.0`, the service that has no version. */
  readonly version?: string | undefined;
  readonly group?: string | undefined;
}

/** What a governance rule is for: a service, or an application, all its services. */
export type GovernanceTarget = GovernedService | { readonly application: string };

const KINDS: readonly string[] = ['configurators', 'condition-router', 'tag-router'] satisfies GovernanceKind[];

/**
 * The key of the configuration centre under which Java and Go look for a rule: `<application>.<kind>`, or
 * `<interface>:<version>:<group>.<kind>` with nothing where there is no version or group.
 *
 * @param kind - What the rule does; tag rules are for applications only.
 * @param target - What it is for.
 * @throws InvalidOptionError naming the part that cannot stand in a key.
 *
 * @example
 * ```ts
 * governanceKey('configurators', { interface: 'com.acme.Users', version: '1.0.0' }); // 'com.acme.Users:1.0.0:.configurators'
 * governanceKey('tag-router', { application: 'shop' }); // 'shop.tag-router'
 * ```
 */
export function governanceKey(kind: GovernanceKind, target: GovernanceTarget): string {
  if (!KINDS.includes(kind)) throw new InvalidOptionError('kind', `one of ${KINDS.join(', ')}`, kind);
  if (typeof target !== 'object' || target === null) {
    throw new InvalidOptionError('target', 'an application or an interface', target);
  }
  if ('application' in target) return `${part('application', target.application)}.${kind}`;
  if (kind === 'tag-router') throw new InvalidOptionError('application', 'given, as for every tag rule', undefined);
  const name = part('interface', target.interface, /:/);
  const version = target.version === '0.0.0' ? '' : optionalPart('version', target.version);
  return `${name}:${version}:${optionalPart('group', target.group)}.${kind}`;
}

function optionalPart(option: string, value: string | undefined): string {
  return value === undefined || value === '' ? '' : part(option, value, /:/);
}

function part(option: string, value: string, separator?: RegExp): string {
  const fits =
    typeof value === 'string' &&
    value.trim() === value &&
    value !== '' &&
    !value.includes('/') &&
    !UNFIT_FOR_PATHS.test(value) &&
    !separator?.test(value);
  if (fits) return value;
  throw new InvalidOptionError(option, `text without ${separator ? '":", ' : ''}"/" and control characters`, value);
}

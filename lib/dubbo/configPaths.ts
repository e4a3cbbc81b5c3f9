import { InvalidOptionError } from '../errors.js';
import { childOf, UNFIT_FOR_PATHS } from '../internal/path.js';
import { directoryOf } from './paths.js';

/** Where a configuration centre keeps what no other group is named for. */
export const DEFAULT_CONFIG_GROUP = 'dubbo';

/** Far above what anybody names a key, far below what a server takes for a path. */
const LONGEST_NAME = 1_024;

/**
 * The directory of a configuration centre: `/dubbo/config`, unless the namespace says otherwise.
 *
 * @throws {@link InvalidOptionError} when the namespace is no path.
 */
export function configRoot(namespace = 'dubbo'): string {
  return childOf(directoryOf('namespace', namespace), 'config');
}

/**
 * The directory of a group.
 *
 * @throws {@link InvalidOptionError} when no directory can have that name.
 */
export function configGroupPath(root: string, group = DEFAULT_CONFIG_GROUP): string {
  return childOf(root, checkName('group', group));
}

/**
 * The node of a key: names stand there as they are, as Java and dubbo-go write them.
 *
 * @throws {@link InvalidOptionError} when no node can have that name.
 *
 * @example
 * ```ts
 * configPath('/dubbo/config', 'dubbo', 'shop.configurators'); // '/dubbo/config/dubbo/shop.configurators'
 * ```
 */
export function configPath(root: string, group: string | undefined, key: string): string {
  return childOf(configGroupPath(root, group), checkName('key', key));
}

/**
 * Where dubbo-go 1.3 kept a key without a group: its last part is a node of its own; `undefined` for a key of one part.
 *
 * @example
 * ```ts
 * dottedConfigPath('/dubbo/config', 'a.b.Svc.configurators'); // '/dubbo/config/a.b.Svc/configurators'
 * ```
 */
export function dottedConfigPath(root: string, key: string): string | undefined {
  const dot = key.lastIndexOf('.');
  const [directory, name] = [key.slice(0, dot), key.slice(dot + 1)];
  return dot > 0 && isName(directory) && isName(name) ? childOf(childOf(root, directory), name) : undefined;
}

/** Whether a node can have that name. */
export function isName(name: string): boolean {
  return (
    typeof name === 'string' &&
    !['', '.', '..'].includes(name) &&
    !name.includes('/') &&
    !UNFIT_FOR_PATHS.test(name) &&
    new TextEncoder().encode(name).length <= LONGEST_NAME
  );
}

function checkName(option: string, name: string): string {
  if (isName(name)) return name;
  const expected = `a name of at most ${LONGEST_NAME} bytes without "/" and control characters, and not "." or ".."`;
  throw new InvalidOptionError(option, expected, name);
}

import { rootPath } from '../dubbo/index.js';
import { childOf } from '../internal/path.js';

/** Where the application level of Dubbo 3 is kept. */
export interface ApplicationPaths {
  /** The directory of all applications; each is a directory with a node for each instance. */
  readonly instances: string;
  /** The directory that says which applications provide an interface. */
  readonly mapping: string;
  /** The directories with the metadata of applications, below each a directory for each application. All are written. */
  readonly metadata: readonly string[];
}

/**
 * Where a registry keeps its application level.
 *
 * Java looks for metadata in `/dubbo/metadata`, dubbo-go in `/dubbo`. With a group Java keeps everything in one directory. Then
 * nothing is written for dubbo-go: its metadata would lie among the instances, and a Java consumer cannot start with a node there
 * that is no instance.
 *
 * @param group - The registry's group; `undefined` if none was given.
 * @throws InvalidOptionError when the group is no path.
 *
 * @example
 * ```ts
 * applicationPaths().instances; // '/services'
 * applicationPaths('shop').instances; // '/shop'
 * ```
 */
export function applicationPaths(group?: string): ApplicationPaths {
  const root = rootPath(group);
  const java = childOf(root, 'metadata');
  return {
    instances: group === undefined ? '/services' : root,
    mapping: childOf(root, 'mapping'),
    metadata: group === undefined ? [java, root] : [java],
  };
}

import type * as Instances from '../../lib/instances/index.js';
import type * as Operators from '../../lib/operators/index.js';
import type * as Package from '../../lib/index.js';

interface Modules {
  'index.js': typeof Package;
  'operators/index.js': typeof Operators;
  'instances/index.js': typeof Instances;
}

/**
 * A module of the package as it is published: run from its sources, closures would cost what keeps their names for stack
 * traces. Loaded when it is asked for, so that types and specs do without it.
 */
export function built<M extends keyof Modules>(module: M): Promise<Modules[M]> {
  return import(new URL(`../../dist/${module}`, import.meta.url).href) as Promise<Modules[M]>;
}

import type * as Package from '../../lib/index.js';

/**
 * The package as it is published: run from its sources, every closure would cost what keeps its name for stack traces.
 *
 * Loaded when it is asked for, so that types and specs do without it.
 */
export function built(): Promise<typeof Package> {
  return import(new URL('../../dist/index.js', import.meta.url).href) as Promise<typeof Package>;
}

import type { ServerChange } from '../support/history/serverHistory.js';
import type { Observation } from '../support/population/actors.js';
import type { Recording } from './recording.js';
import { type ProviderNode, readProviderNode } from './registryState.js';

/** The nodes that an instance had from one step of the servers until the next that touched it. */
export interface Moment {
  readonly at: number;
  readonly revision: bigint;
  readonly nodes: readonly ProviderNode[];
}

/** All moments of every instance, each beginning with its absence before everything. */
export function momentsOf(changes: readonly ServerChange[]): ReadonlyMap<string, readonly Moment[]> {
  const moments = new Map<string, Moment[]>();
  const keys = new Map<string, string>();
  for (const { at, revision, changes: together } of changes) {
    const touched = new Map<string, Map<string, ProviderNode>>();
    for (const change of together) {
      const node = change.type === 'put' ? readProviderNode(change) : undefined;
      const key = node?.key ?? keys.get(change.path);
      if (key === undefined) continue;
      keys.set(change.path, key);
      const before = moments.get(key)?.at(-1)?.nodes ?? [];
      const nodes = touched.get(key) ?? new Map(before.map((each) => [each.path, each]));
      touched.set(key, nodes);
      if (node) nodes.set(node.path, node);
      else nodes.delete(change.path);
    }
    for (const [key, nodes] of touched) {
      const all = moments.get(key) ?? [{ at: -Infinity, revision: 0n, nodes: [] }];
      moments.set(key, all);
      all.push({ at, revision, nodes: [...nodes.values()] });
    }
  }
  return moments;
}

/** What one actor was told or did, of some kinds. */
export function of<K extends Observation['what']>(
  { observations }: Recording,
  what: K,
): (Observation & { readonly what: K })[] {
  return observations.filter((each): each is Observation & { readonly what: K } => each.what === what);
}

/** A time in words, counted from the beginning of the fault. */
export function since({ from }: Recording, at: number): string {
  return `${((at - from) / 1000).toFixed(2)} s`;
}

/** Whether a process could not reach the servers at some time of the fault. */
export function isAffected({ effect: { affected } }: Recording, process: string): boolean {
  return affected === 'all' || affected.includes(process);
}

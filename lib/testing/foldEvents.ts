import type { ServiceUrl } from '../dubbo/index.js';
import type { ServiceEvent } from '../instances/index.js';
import { describeEvent } from './describeValue.js';
import { EventFold } from './eventFold.js';
import { IllegalTraceError } from './illegalTraceError.js';

/**
 * Adds service events up: what is there after the last of them, by key.
 *
 * @param events - Every event of one subscription, from its first on.
 * @throws IllegalTraceError if one of them contradicts those before it; see {@link legalEvents}.
 *
 * @example
 * ```ts
 * expect(foldEvents(events)).toEqual(new Map((await registry.lookup(query)).entries()));
 * ```
 */
export function foldEvents(events: Iterable<ServiceEvent>): ReadonlyMap<string, ServiceUrl> {
  const fold = new EventFold();
  const trace = [];
  for (const event of events) {
    trace.push({ atMs: 0, text: describeEvent(event) });
    const flaw = fold.take(event);
    if (flaw !== undefined) throw new IllegalTraceError(flaw, trace);
  }
  return fold.present;
}

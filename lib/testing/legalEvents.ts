import type { MonoTypeOperatorFunction } from 'rxjs';
import type { ServiceEvent } from '../instances/index.js';
import { describeEvent } from './describeValue.js';
import { EventFold } from './eventFold.js';
import { type CheckOptions, traced } from './traced.js';

/**
 * Lets service events through, and errors with an `IllegalTraceError` at the first that contradicts those before it.
 *
 * ```text
 *  events          --+a--+b---~a---+b--    a, b: keys of instances
 *  legalEvents()   --+a--+b---~a---#       b is there already
 * ```
 *
 * `add` only of what is absent, `update` only of what is present and differs in more than `timestamp` and `pid`, `delete` only
 * of what is present; and the `previous` of an update is what was told before. The message shows the events up to there:
 * `+` for add, `~` for update, `-` for delete, with the address.
 *
 * Cold if the source is; begins anew with every subscription. Completes and errors with the source.
 *
 * @example
 * ```ts
 * registry.subscribe(query).pipe(legalEvents()).subscribe(apply);
 * ```
 */
export function legalEvents(options: CheckOptions = {}): MonoTypeOperatorFunction<ServiceEvent> {
  return traced(
    () => {
      const fold = new EventFold();
      return (event) => fold.take(event);
    },
    describeEvent,
    options,
  );
}

import {
  catchError,
  defer,
  distinctUntilChanged,
  EMPTY,
  map,
  merge,
  type Observable,
  of,
  type SchedulerLike,
} from 'rxjs';
import type { InstanceSet } from '../instances/index.js';
import { drive } from '../operators/drive.js';
import type { ConnectionState } from '../port/index.js';
import { Failover, type FailoverInput, type FailoverSettings } from './failover.js';

/** One of several parts. */
export interface FailoverPart {
  readonly states: Observable<ConnectionState>;
  readonly sets: Observable<InstanceSet>;
}

/**
 * The sets of one part of several, and of another one when that is down.
 *
 * ```text
 *  first       --a----(down)-----(up)ab-----------
 *  second      --ac---------acd-------------------
 *  failover    --a-----ac---acd-----------ab-----     back after stableMs
 * ```
 *
 * A part that errors is down; errors with the last error when all have. Completes with the last.
 */
export function failoverOf(
  parts: readonly FailoverPart[],
  settings: FailoverSettings & { readonly scheduler?: SchedulerLike },
): Observable<InstanceSet> {
  return defer(() => {
    const refused = new Set<number>();
    const inputs = parts.map(({ states, sets }, part) => {
      const told = sets.pipe(
        map((set): FailoverInput => ({ type: 'set', part, set })),
        catchError((error: unknown) => {
          refused.add(part);
          if (refused.size === parts.length) throw error;
          return of<FailoverInput>({ type: 'down', part, isDown: true });
        }),
      );
      const downs = states.pipe(
        // After `lost` it is `connecting`, and still down.
        map(({ status }) => status !== 'connected' && status !== 'suspended'),
        distinctUntilChanged(),
        map((isDown): FailoverInput => ({ type: 'down', part, isDown })),
        // Whoever is refused is told so by the sets.
        catchError(() => EMPTY),
      );
      return merge(downs, told);
    });
    return merge(...inputs).pipe(drive(() => new Failover(parts.length, settings), { scheduler: settings.scheduler }));
  });
}

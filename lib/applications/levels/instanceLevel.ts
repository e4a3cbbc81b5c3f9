import { defer, finalize, map, type Observable, of, switchMap, tap } from 'rxjs';
import { instanceKey } from '../../dubbo/index.js';
import { DuplicateRegistrationError } from '../../errors.js';
import type { InstanceState } from '../providing/instanceEntry.js';
import type { ApplicationRegistrar, InstanceHold } from '../providing/registrar.js';
import type { Placement } from './placement.js';

/** Where a registration stands at the level of applications. */
export interface InstanceReport {
  readonly placement: Placement;
  /** `undefined` for what has no place there. */
  readonly instance: { readonly path: string; readonly state: InstanceState } | undefined;
}

/**
 * Keeps the newest of what is placed at the level of applications registered there.
 *
 * A change at one address is one write in place. From one address to another the new instance stands before the old one goes. Cold;
 * errors with `DuplicateRegistrationError`. Unsubscribing takes the service out of its instance.
 *
 * @param keys - What is registered: what has no other level is noted here, and the interface level notes its own.
 */
export function instanceLevel(
  placements: Observable<Placement>,
  registrar: ApplicationRegistrar,
  keys: Map<string, object>,
): Observable<InstanceReport> {
  return defer(() => {
    let newest: InstanceHold | undefined;
    let former: InstanceHold[] = [];
    const registration = {};
    let key: string | undefined;
    const note = ({ url, atInterface }: Placement): void => {
      const next = url && !atInterface ? instanceKey(url) : undefined;
      const holder = next === undefined ? undefined : keys.get(next);
      if (next !== undefined && holder !== undefined && holder !== registration)
        throw new DuplicateRegistrationError(next);
      if (key !== undefined) keys.delete(key);
      if (next !== undefined) keys.set(next, registration);
      key = next;
    };
    const releaseFormer = (): void => {
      former.forEach((hold) => hold.release());
      former = [];
    };
    const releaseAll = (): void => {
      releaseFormer();
      newest?.release();
      newest = undefined;
    };
    const leave = (): void => {
      if (key !== undefined) keys.delete(key);
      key = undefined;
      releaseAll();
    };
    const move = (placement: Placement): Observable<InstanceReport> => {
      const { url, address } = placement;
      note(placement);
      if (!url || !address) {
        releaseAll();
        return of({ placement, instance: undefined });
      }
      if (!newest?.replace(address, url)) {
        if (newest) former.push(newest);
        newest = registrar.hold(address, url);
      }
      const { path, states } = newest;
      return states.pipe(
        tap(({ status }) => {
          if (status === 'registered' || status === 'refused') releaseFormer();
        }),
        map((state) => ({ placement, instance: { path, state } })),
      );
    };
    return placements.pipe(switchMap(move), finalize(leave));
  });
}

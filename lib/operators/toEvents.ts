import { concatMap, defer, from, type OperatorFunction } from 'rxjs';
import { sameService, type ServiceUrl } from '../dubbo/index.js';
import type { InstanceSet, ServiceEvent } from '../instances/index.js';
import { SetFollower } from './setFollower.js';

/**
 * Tells sets as what changes between them: all of the first one is `add`.
 *
 * ```text
 *  sets         --ab------b--------bc--
 *  toEvents()   --(+a+b)--(-a)-----(+c)
 * ```
 *
 * The inverse of {@link toInstances}. Events are legal: `add` only of what is absent, `delete` only of what is present,
 * `update` only of what differs in more than `timestamp` and `pid`; added up they are the last set. All events of a set are
 * told before the first of the next one, also when that one arrives in between. An empty first set has no events.
 *
 * Cold if the source is; keeps its own state for each subscription. Completes and errors with the source. A change costs
 * as much as it changes.
 *
 * @example
 * ```ts
 * registry.instances(query).pipe(stabilize({ removeAfterMs: 10_000 }), toEvents()).subscribe(({ type, service }) => {
 *   console.log(type, service.address);
 * });
 * ```
 */
export function toEvents(): OperatorFunction<InstanceSet, ServiceEvent> {
  return (sets) =>
    defer(() => {
      const source = new SetFollower();
      /** What was told of those that have since changed in nothing that counts. */
      const told = new Map<string, ServiceUrl>();
      return sets.pipe(
        concatMap((set) =>
          from(
            source.follow(set).flatMap(({ key, before, after }): ServiceEvent[] => {
              const previous = told.get(key) ?? before;
              if (previous && after && sameService(previous, after)) {
                told.set(key, previous);
                return [];
              }
              told.delete(key);
              return [eventOf(key, previous, after)];
            }),
          ),
        ),
      );
    });
}

function eventOf(key: string, previous: ServiceUrl | undefined, service: ServiceUrl | undefined): ServiceEvent {
  if (!service) return { type: 'delete', key, service: previous! };
  return previous ? { type: 'update', key, service, previous } : { type: 'add', key, service };
}

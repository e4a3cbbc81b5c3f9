import {
  combineLatest,
  connect,
  defer,
  distinctUntilChanged,
  endWith,
  map,
  merge,
  type Observable,
  takeUntil,
} from 'rxjs';
import type { KeptCopy } from '../../cache/index.js';
import { LEVEL_PARAMETERS, sameService, type ServiceUrl } from '../../dubbo/index.js';
import { InstanceLedger, type InstanceSet } from '../../instances/index.js';

/** An instance that was kept, with its key. */
export type KeptInstance = readonly [key: string, instance: ServiceUrl];

/** What was kept of an earlier answer; `undefined` stands for what is none. */
export type KeptInstances = KeptCopy<KeptInstance | undefined>;

/**
 * Merges what the two levels say: an instance is there as long as either says so, and is what the level of applications says of it.
 *
 * ```text
 *  interface    --ab----------(-a)--abc----
 *  application  ----a'----------------------
 *  merged       --ab-a'b-------------a'bc--
 * ```
 *
 * The first set waits for both. A level that goes and comes back changes nothing as long as the other one stands. Costs what
 * changes; as long as no application is there, the sets are those of the interface level.
 *
 * @param copy - What was kept, which is told if it comes before the first set; those of it that are unchanged stay what they are.
 */
export function mergeLevels(
  atInterface: Observable<InstanceSet>,
  atApplication: Observable<InstanceSet>,
  copy?: Observable<KeptInstances>,
): Observable<InstanceSet> {
  return defer(() => {
    let ledger: InstanceLedger | undefined;
    let last: [InstanceSet, InstanceSet] | undefined;
    const tellKept = ({ items, ageMs }: KeptInstances): InstanceSet => {
      ledger = new InstanceLedger();
      ledger.write(items.filter((item) => item !== undefined));
      return ledger.set.withAge(ageMs);
    };
    const merged = combineLatest([atInterface, atApplication]).pipe(
      map(([services, instances]) => {
        if (!ledger && instances.size === 0) return services;
        const keys = last
          ? [...services.changesSince(last[0]), ...instances.changesSince(last[1])].map(({ key }) => key)
          : [...services.keys(), ...instances.keys(), ...(ledger?.set.keys() ?? [])];
        // As long as there was no application and nothing kept, what was told is what the interface level says.
        const toldOf = (key: string): ServiceUrl | undefined => (ledger ? ledger.get(key) : services.get(key));
        const next = keys.map(
          (key) => [key, unlessSame(toldOf(key), instances.get(key) ?? services.get(key))] as const,
        );
        last = [services, instances];
        const told = (ledger ??= new InstanceLedger());
        told.write(next);
        return told.set;
      }),
      distinctUntilChanged(),
    );
    if (!copy) return merged;
    return merged.pipe(
      connect((told) => merge(copy.pipe(map(tellKept), takeUntil(told.pipe(endWith(undefined)))), told)),
    );
  });
}

/** What was told stays what it is as long as nothing of the service is different. */
function unlessSame(told: ServiceUrl | undefined, next: ServiceUrl | undefined): ServiceUrl | undefined {
  return told && next && (sameService(told, next) || sameService(plain(told), plain(next))) ? told : next;
}

function plain(url: ServiceUrl): ServiceUrl {
  const isBare = LEVEL_PARAMETERS.every((name) => !url.parameters.has(name));
  return isBare ? url : url.with({ parameters: Object.fromEntries(LEVEL_PARAMETERS.map((name) => [name, undefined])) });
}

import {
  asyncScheduler,
  catchError,
  concat,
  connect,
  defer,
  distinctUntilChanged,
  EMPTY,
  endWith,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  type SchedulerLike,
  scan,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { weightOf } from '../balancers/shared/weight.js';
import { RegistryError } from '../errors.js';
import type { InstanceSet } from '../instances/index.js';
import type { Placed } from './liveInstances.js';

/** The address of an instance. */
export interface Address extends Placed {
  readonly host: string;
  readonly port: number;
}

/** What a target resolves to: addresses (perhaps none) and the number of instances they come from, or why they are unknown. */
export type Resolution =
  | { readonly type: 'known'; readonly addresses: readonly Address[]; readonly instances: number }
  | { readonly type: 'unknown'; readonly cause: string };

/** Options of {@link resolutions}. */
export interface ResolutionOptions {
  /** The protocols of instances that speak gRPC. */
  readonly protocols: ReadonlySet<string>;
  /** How long to wait for the first set, in milliseconds. */
  readonly startMs: number;
  /** The wait before the next attempt after `attempt` failures in a row, in milliseconds. */
  readonly backoff: (attempt: number) => number;
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Maps sets of instances to lists of distinct addresses, and failures to `unknown` resolutions.
 *
 * ```text
 *  sets           --{a}--{a,b}--{a,b'}--#
 *  resolutions()  --[a]--[a,b]--[a,b']--u...    u: unknown, followed by a retry
 * ```
 *
 * Addresses that stay keep their order, and new ones are appended; sets that change nothing are not emitted. Instances of weight 0
 * are left out while there are others. Never errors. Completes, after a last `unknown`, with the source or when the registry is closed.
 */
export function resolutions(sets: Observable<InstanceSet>, options: ResolutionOptions): Observable<Resolution> {
  const { protocols, startMs, backoff, scheduler = asyncScheduler } = options;
  return defer(() => {
    let failures = 0;
    const resolved = sets.pipe(
      tap(() => (failures = 0)),
      scan((last, set) => knowledgeOf(set, protocols, last.addresses), NOTHING),
      distinctUntilChanged(isAlike),
      map(({ addresses, instances }): Resolution => ({ type: 'known', addresses: [...addresses.values()], instances })),
      endWith<Resolution>({ type: 'unknown', cause: 'the registry was closed' }),
      catchError((error: unknown, again) => {
        failures += 1;
        const cause = error instanceof Error ? error.message : String(error);
        const isClosed = error instanceof RegistryError && error.code === 'CLOSED';
        return concat(
          of<Resolution>({ type: 'unknown', cause }),
          isClosed ? EMPTY : timer(backoff(failures), scheduler).pipe(ignoreElements()),
          isClosed ? EMPTY : again,
        );
      }),
    );
    const late: Resolution = { type: 'unknown', cause: `the registry did not answer within ${startMs} ms` };
    return resolved.pipe(
      connect((told) =>
        merge(
          timer(startMs, scheduler).pipe(
            map(() => late),
            takeUntil(told),
          ),
          told,
        ),
      ),
    );
  });
}

/** Addresses by their text. */
type Addresses = ReadonlyMap<string, Address>;

interface Knowledge {
  readonly addresses: Addresses;
  readonly instances: number;
}

const NOTHING: Knowledge = { addresses: new Map(), instances: 0 };

function knowledgeOf(set: InstanceSet, protocols: ReadonlySet<string>, last: Addresses): Knowledge {
  const all: Address[] = [];
  for (const [key, instance] of set.entries()) {
    const { protocol, host, port } = instance;
    if (port !== undefined && protocols.has(protocol)) all.push({ host, port, key, instance });
  }
  const weighty = all.filter(({ instance }) => weightOf(instance) > 0);
  // Of several at one address the first one counts.
  const usable = (weighty.length > 0 ? weighty : all).reverse();
  const present = new Map(usable.map((each) => [each.instance.address, each]));
  const stay = [...last.keys()].filter((text) => present.has(text));
  const fresh = [...present.keys()].reverse();
  const order = [...new Set([...stay, ...fresh])];
  return { addresses: new Map(order.map((text) => [text, present.get(text)!])), instances: set.size };
}

/** Whether two resolutions are the same to a channel: the number of instances matters only where none has an address. */
function isAlike(a: Knowledge, b: Knowledge): boolean {
  if (a.addresses.size !== b.addresses.size) return false;
  if (a.addresses.size === 0) return a.instances === b.instances;
  return [...a.addresses].every(([text, { instance }]) => {
    const other = b.addresses.get(text)?.instance;
    return other === instance || other?.toFullString() === instance.toFullString();
  });
}

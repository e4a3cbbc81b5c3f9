import { type Observable, Subject, Subscription, type SchedulerLike } from 'rxjs';
import { type InstanceSet, iterate, type Registry, type ServiceQuery, ServiceUrl } from '../../../lib/index.js';
import {
  balance,
  type BalancerFactory,
  coalesce,
  consistentHash,
  ejectOutliers,
  emptyProtection,
  leastLoaded,
  panic,
  type Picker,
  powerOfTwoChoices,
  preferZone,
  random,
  rendezvous,
  roundRobin,
  shortestResponse,
  smoothWeightedRoundRobin,
  stabilize,
  sticky,
  subset,
  toEvents,
  toInstances,
  warmUp,
  where,
} from '../../../lib/operators/index.js';
import { ConsumerRecord } from '../scenario/consumerRecord.js';

const BALANCERS: readonly BalancerFactory[] = [
  roundRobin(),
  smoothWeightedRoundRobin(),
  random(),
  leastLoaded(),
  powerOfTwoChoices(),
  shortestResponse(),
  consistentHash(),
  rendezvous(),
  sticky(leastLoaded()),
];

/** What a consumer makes of a query from one end to the other: events, sets, every operator, every balancer, and loops. */
export class WholeChain {
  readonly record: ConsumerRecord;
  /** What any part of it failed with. */
  readonly errors: unknown[] = [];
  /** The last set that each pipeline made. */
  readonly sets: (InstanceSet | undefined)[] = [];
  /** How many events a loop has been through. */
  iterated = 0;
  readonly #pickers: Picker[] = [];
  readonly #subscription = new Subscription();
  readonly #left = new AbortController();
  readonly #loop: Promise<void>;

  constructor(registry: Registry, query: string | ServiceQuery, scheduler?: SchedulerLike) {
    this.record = new ConsumerRecord(registry, query);
    const onTime = scheduler ? { scheduler } : {};
    const sets = registry.instances(query);
    const nobody = new Subject<{ readonly key: string; readonly ok: boolean }>();
    const pipelines: Observable<InstanceSet>[] = [
      registry.subscribe(query).pipe(toInstances()),
      sets.pipe(toEvents(), toInstances(), coalesce({ auditMs: 1, ...onTime })),
      sets.pipe(where({ parameters: { zone: 'eu' } })),
      sets.pipe(emptyProtection({ holdMs: 1, ...onTime }), stabilize({ removeAfterMs: 1, ...onTime })),
      sets.pipe(preferZone('eu', { fallback: ['us'] })),
      sets.pipe(subset({ size: 3, by: 'me' })),
      sets.pipe(panic(ejectOutliers(nobody, onTime)), warmUp(onTime)),
    ];
    pipelines.forEach((pipeline, index) => {
      this.#follow(pipeline, (set) => void (this.sets[index] = set));
    });
    for (const balancer of BALANCERS) {
      this.#follow(sets.pipe(balance(balancer, onTime)), (picker) => this.#pickers.push(picker));
    }
    this.#follow(sets.pipe(warmUp(onTime), balance(random(), onTime)), (picker) => this.#pickers.push(picker));
    this.#loop = this.#iterate(registry, query);
  }

  /** Lets every balancer choose for every sort of key; those choices that are no instance. */
  async choose(keys: readonly string[]): Promise<unknown[]> {
    const wrong: unknown[] = [];
    for (const picker of this.#pickers) {
      if (picker.size === 0) continue;
      for (const key of keys) {
        for (const picked of [picker.pick(key), picker.pick()]) {
          if (!(picked instanceof ServiceUrl)) wrong.push(picked);
        }
        await picker.run(key, async (target) => target.toString());
      }
    }
    return wrong;
  }

  /** Leaves; resolves once the loop has ended. */
  async leave(): Promise<void> {
    this.record.unsubscribe();
    this.#subscription.unsubscribe();
    this.#left.abort();
    await this.#loop;
  }

  #follow<T>(source: Observable<T>, next: (value: T) => void): void {
    this.#subscription.add(source.subscribe({ next, error: (error: unknown) => this.errors.push(error) }));
  }

  async #iterate(registry: Registry, query: string | ServiceQuery): Promise<void> {
    try {
      const events = iterate(registry.subscribe(query), { buffer: 'all', signal: this.#left.signal });
      for await (const { service } of events) {
        JSON.stringify(service);
        this.iterated += 1;
      }
    } catch (error) {
      if (!this.#left.signal.aborted) this.errors.push(error);
    }
  }
}

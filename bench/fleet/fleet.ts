import { type MonoTypeOperatorFunction, type OperatorFunction, type SchedulerLike, Subject } from 'rxjs';
import { InstanceLedger, type InstanceSet } from '../../lib/instances/index.js';
import { balance, type BalancerFactory, CallMeter, type Picker } from '../../lib/operators/index.js';
import { Host, SERVICE_MS, seeded, Time } from './world.js';

/** Makes what a client balances with. */
export type MakeBalancer = (fleet: Fleet, random: () => number) => BalancerFactory;

/** What a client has to make its pipeline of. */
export interface Client {
  readonly name: string;
  readonly meter: CallMeter;
  readonly scheduler: SchedulerLike;
}

/** How a fleet is set up. */
export interface FleetOptions {
  readonly clients: number;
  /** The weight of each host that is there from the beginning. */
  readonly weights: readonly number[];
  /** How much of what the hosts can do is asked for. */
  readonly utilization: number;
  readonly balancer: MakeBalancer;
  /** What stands before `balance` in each client. */
  readonly before?: ((client: Client) => MonoTypeOperatorFunction<InstanceSet>) | undefined;
  readonly seed?: number | undefined;
}

/** How many different keys calls are about, all clients together. */
const KEYS = 20_000;

/** What came of the calls between two moments. */
export interface Figures {
  /** Calls at a host for each of its workers, sampled every 100 ms. */
  readonly load: readonly number[];
  /** Of calls that were answered, in milliseconds. */
  readonly latency: readonly number[];
  readonly calls: number;
  readonly failed: number;
}

/** Many clients that call many hosts, each through a pipeline of its own that knows only of its own calls. */
export class Fleet {
  readonly time = new Time();
  readonly hosts: Host[] = [];
  readonly random: () => number;
  readonly #byKey = new Map<string, Host>();
  readonly #byName = new Map<string, Host>();
  readonly #ledger = new InstanceLedger();
  readonly #sets = new Subject<InstanceSet>();
  readonly #pickers: Picker[] = [];
  #load: number[] = [];
  #latency: number[] = [];
  #calls = 0;
  #failed = 0;

  constructor(options: FleetOptions) {
    this.random = seeded(options.seed ?? 1);
    for (const [index, weight] of options.weights.entries()) this.#make(`host-${index}`, weight);
    this.join(this.hosts);
    const { scheduler } = this.time;
    for (let client = 0; client < options.clients; client++) {
      const meter = new CallMeter({ scheduler });
      const balancer = options.balancer(this, seeded(1_000 + client));
      const before = options.before?.({ name: `client-${client}`, meter, scheduler }) ?? ((sets) => sets);
      const toPicker: OperatorFunction<InstanceSet, Picker> = balance(balancer, { meter, scheduler });
      this.#sets.pipe(before, toPicker).subscribe((picker) => this.#pickers.push(picker));
    }
    this.#sets.next(this.#ledger.set);
    const capacity = this.hosts.reduce((sum, { workers }) => sum + workers, 0) / SERVICE_MS;
    const everyMs = options.clients / (options.utilization * capacity);
    for (const picker of this.#pickers) this.#goOnCalling(picker, everyMs);
    this.#goOnSampling();
  }

  /** A host that is not in the registry yet. */
  make(name: string, weight = 100): Host {
    return this.#make(name, weight);
  }

  /** All clients are told of these at once. */
  join(hosts: readonly Host[]): void {
    this.#ledger.write(hosts.map(({ key, instance }) => [key, instance]));
    this.#sets.next(this.#ledger.set);
  }

  /** All clients are told at once that these are gone; calls to them are served. */
  leave(hosts: readonly Host[]): void {
    this.#ledger.write(hosts.map(({ key }) => [key, undefined]));
    this.#sets.next(this.#ledger.set);
  }

  hostOf(key: string): Host {
    return this.#byKey.get(key)!;
  }

  /** Lets time pass, and tells what came of the calls meanwhile. */
  pass(ms: number): Figures {
    this.#load = [];
    this.#latency = [];
    this.#calls = this.#failed = 0;
    this.time.runUntil(this.time.now + ms);
    return { load: this.#load, latency: this.#latency, calls: this.#calls, failed: this.#failed };
  }

  #make(name: string, weight: number): Host {
    const host = new Host(name, weight, this.time, this.random);
    this.hosts.push(host);
    this.#byKey.set(host.key, host);
    this.#byName.set(name, host);
    return host;
  }

  #goOnCalling(picker: Picker, everyMs: number): void {
    this.time.after(-Math.log(1 - this.random()) * everyMs, () => {
      this.#goOnCalling(picker, everyMs);
      const began = this.time.now;
      picker
        .use(`key-${Math.floor(this.random() * KEYS)}`, (target) => this.#byName.get(target.host)!.call())
        .subscribe({
          complete: () => {
            this.#calls += 1;
            this.#latency.push(this.time.now - began);
          },
          error: () => {
            this.#calls += 1;
            this.#failed += 1;
          },
        });
    });
  }

  #goOnSampling(): void {
    this.time.after(100, () => {
      for (const { key, load, workers } of this.hosts) {
        if (this.#ledger.get(key)) this.#load.push(load / workers);
      }
      this.#goOnSampling();
    });
  }
}

/** A part of the samples is lower than this. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

import type { Balancer, BalancerFactory, CallResult, Candidate } from '../../lib/balancers/index.js';
import { weightOf } from '../../lib/balancers/shared/weight.js';
import { ServiceUrl } from '../../lib/dubbo/index.js';

/** An instance by a short name. */
export function instance(name: string, weight?: number | string): ServiceUrl {
  const parameters = weight === undefined ? {} : { weight: String(weight) };
  return ServiceUrl.from({ protocol: 'dubbo', host: name, port: 20880, path: 'com.acme.Users', parameters });
}

class Actor implements Candidate {
  readonly key: string;
  instance: ServiceUrl;
  weight: number;
  inFlight = 0;

  constructor(key: string, url: ServiceUrl) {
    this.key = key;
    this.instance = url;
    this.weight = weightOf(url);
  }
}

/** A balancer alone, with candidates by short names and a clock that stands until it is told to go on. */
export class Stage {
  now = 0;
  readonly balancer: Balancer;
  readonly #actors = new Map<string, Actor>();

  constructor(factory: BalancerFactory, weights: Readonly<Record<string, number>> = {}) {
    this.balancer = factory({ now: () => this.now });
    for (const [name, weight] of Object.entries(weights)) this.join(name, weight);
  }

  get names(): string[] {
    return [...this.#actors.keys()];
  }

  has(name: string): boolean {
    return this.#actors.has(name);
  }

  weight(name: string): number {
    return this.actor(name).weight;
  }

  inFlight(name: string): number {
    return this.actor(name).inFlight;
  }

  actor(name: string): Actor {
    const actor = this.#actors.get(name);
    if (!actor) throw new Error(`${name} is not on stage`);
    return actor;
  }

  join(name: string, weight = 100): void {
    const actor = new Actor(name, instance(name, weight));
    this.#actors.set(name, actor);
    this.balancer.add(actor);
  }

  leave(name: string): void {
    const actor = this.actor(name);
    this.#actors.delete(name);
    this.balancer.remove(actor);
  }

  reweigh(name: string, weight: number): void {
    const actor = this.actor(name);
    actor.instance = instance(name, weight);
    actor.weight = weight;
    this.balancer.changed?.(actor);
  }

  /** @param avoid - Names of those not to pick. */
  pick(key?: string, avoid?: ReadonlySet<string>): string | undefined {
    return this.balancer.pick(key, avoid && (({ key: name }) => avoid.has(name)))?.key;
  }

  begin(name: string): void {
    const actor = this.actor(name);
    actor.inFlight += 1;
    this.balancer.started?.(actor);
  }

  end(name: string, latencyMs = 1, result: CallResult = 'ok'): void {
    const actor = this.actor(name);
    actor.inFlight -= 1;
    this.balancer.ended?.(actor, latencyMs, result);
  }

  /** One whole call that takes no virtual time, whatever it says. */
  answer(name: string, latencyMs: number, result: CallResult = 'ok'): void {
    this.begin(name);
    this.end(name, latencyMs, result);
  }

  /** Picks, and begins a call to whoever it is. */
  call(key?: string): string {
    const name = this.pick(key)!;
    this.begin(name);
    return name;
  }

  picks(times: number, key?: (index: number) => string): string[] {
    return Array.from({ length: times }, (_, index) => this.pick(key?.(index))!);
  }
}

/** How often each name is there. */
export function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Keys of requests. */
export function keys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `user-${index}`);
}

/** Names of instances, each of the default weight. */
export function crowd(size: number, weight = 100): Record<string, number> {
  return Object.fromEntries(Array.from({ length: size }, (_, index) => [`host-${index}`, weight]));
}

import type { TimestampProvider } from 'rxjs';
import type { ServiceUrl } from '../../dubbo/index.js';
import { InstanceSet } from '../../instances/index.js';
import type { AvoidCandidate, Balancer, BalancerFactory, CallResult, Candidate } from '../balancer.js';
import type { CallMeter, Follower, Gauge, MeteredCall } from '../callMeter.js';
import { makeBalancer } from '../makeBalancer.js';
import { Heeding } from './heeding.js';
import { Trials } from './trials.js';
import { weightOf } from '../shared/weight.js';

/** The candidates of one balancer: follows the set, and lets the balancer know of calls. */
export class Roster {
  readonly #balancer: Balancer;
  readonly #meter: CallMeter;
  readonly #members = new Map<string, Member>();
  #set = new InstanceSet();
  readonly #freed: () => void;
  #isResting = false;

  /**
   * @param trialCalls - How many calls one that comes gets before as many have answered.
   * @param freed - Called when a call is over, with which somebody may have room for another one.
   */
  constructor(
    balancer: BalancerFactory,
    meter: CallMeter,
    clock: TimestampProvider,
    trialCalls: number,
    freed: () => void = () => undefined,
  ) {
    this.#freed = freed;
    const heeding = new Heeding(makeBalancer(balancer, clock));
    this.#balancer = trialCalls === Infinity ? heeding : new Trials(heeding, trialCalls, clock);
    this.#meter = meter;
  }

  /** How many there are. */
  get size(): number {
    return this.#members.size;
  }

  /** Who there is. */
  get instances(): readonly ServiceUrl[] {
    return this.#set.toArray();
  }

  /** Makes them those of the set, at the cost of what is different. */
  update(set: InstanceSet): void {
    const changes = set.changesSince(this.#set);
    this.#set = set;
    for (const { key, after } of changes) {
      const member = this.#members.get(key);
      if (!after) {
        if (member) this.#remove(member);
      } else if (member) {
        member.instance = after;
        this.#balancer.changed?.(member);
      } else {
        const added = new Member(key, after, this.#meter, this.#balancer, this.#freed);
        this.#members.set(key, added);
        this.#balancer.add(added);
      }
    }
  }

  /** The balancer's choice; `undefined` if there is nobody, or nobody but those to avoid. */
  pick(key: string | undefined, avoid?: AvoidCandidate): Member | undefined {
    return this.#balancer.pick(key, avoid) as Member | undefined;
  }

  /** Counts a call that begins now. */
  begin(member: Member): MeteredCall {
    member.follow();
    const call = this.#meter.begin(member.key);
    if (this.#isResting) member.unfollowWhenIdle();
    return call;
  }

  /** Keeps the members as they are, but lets the meter forget them while there are no calls to them. */
  rest(): void {
    this.#isResting = true;
    for (const member of this.#members.values()) member.unfollowWhenIdle();
  }

  /** Takes all members out. */
  clear(): void {
    for (const member of this.#members.values()) this.#remove(member);
    this.#set = new InstanceSet();
  }

  #remove(member: Member): void {
    this.#members.delete(member.key);
    member.unfollow();
    this.#balancer.remove(member);
  }
}

/** One candidate. */
export class Member implements Candidate, Follower {
  readonly key: string;
  readonly #meter: CallMeter;
  readonly #balancer: Balancer;
  readonly #freed: () => void;
  #instance: ServiceUrl;
  #weight: number;
  #gauge: Gauge | undefined;
  #leavesWhenIdle = false;

  constructor(key: string, instance: ServiceUrl, meter: CallMeter, balancer: Balancer, freed: () => void) {
    this.key = key;
    this.#freed = freed;
    this.#meter = meter;
    this.#balancer = balancer;
    this.#instance = instance;
    this.#weight = weightOf(instance);
    this.follow();
  }

  get instance(): ServiceUrl {
    return this.#instance;
  }

  set instance(instance: ServiceUrl) {
    this.#instance = instance;
    this.#weight = weightOf(instance);
  }

  get weight(): number {
    return this.#weight;
  }

  get inFlight(): number {
    return this.#gauge?.inFlight ?? 0;
  }

  started(): void {
    this.#balancer.started?.(this);
  }

  answered(latencyMs: number): void {
    this.#balancer.answered?.(this, latencyMs);
  }

  ended(latencyMs: number, result: CallResult): void {
    this.#balancer.ended?.(this, latencyMs, result);
    if (this.#leavesWhenIdle) this.unfollowWhenIdle();
    this.#freed();
  }

  follow(): void {
    this.#leavesWhenIdle = false;
    this.#gauge ??= this.#meter.follow(this.key, this);
  }

  unfollow(): void {
    if (!this.#gauge) return;
    this.#gauge = undefined;
    this.#meter.unfollow(this.key, this);
  }

  unfollowWhenIdle(): void {
    this.#leavesWhenIdle = true;
    if (this.inFlight === 0) this.unfollow();
  }
}

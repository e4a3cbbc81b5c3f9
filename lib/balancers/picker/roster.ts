import type { TimestampProvider } from 'rxjs';
import type { ServiceUrl } from '../../dubbo/index.js';
import { InstanceSet } from '../../instances/index.js';
import type { AvoidCandidate, Balancer, BalancerFactory, CallResult, Candidate } from '../balancer.js';
import type { CallMeter, Follower, Gauge, MeteredCall } from '../callMeter.js';
import { makeBalancer } from '../makeBalancer.js';
import { weightOf } from '../shared/weight.js';

/** How often a balancer that takes no notice of whom to avoid is asked for another one. */
const TIMES = 8;

/** The candidates of one balancer: follows the set, and lets the balancer know of calls. */
export class Roster {
  readonly #balancer: Balancer;
  readonly #meter: CallMeter;
  readonly #members = new Map<string, Member>();
  #set = new InstanceSet();
  #isResting = false;

  constructor(balancer: BalancerFactory, meter: CallMeter, clock: TimestampProvider) {
    this.#balancer = makeBalancer(balancer, clock);
    this.#meter = meter;
  }

  /** How many there are. */
  get size(): number {
    return this.#members.size;
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
        const added = new Member(key, after, this.#meter, this.#balancer);
        this.#members.set(key, added);
        this.#balancer.add(added);
      }
    }
  }

  /** The balancer's choice; `undefined` if there is nobody, or nobody but those to avoid. */
  pick(key: string | undefined, avoid?: AvoidCandidate): Member | undefined {
    const picked = this.#ask(key, avoid);
    if (!avoid || !picked || !avoid(picked)) return picked;
    // A balancer of one's own may take no notice.
    for (let time = 0; time < TIMES; time++) {
      const other = this.#ask(key, avoid);
      if (other && !avoid(other)) return other;
    }
    const others = [...this.#members.values()].filter((member) => !avoid(member));
    return others.find(({ weight }) => weight > 0) ?? others[0];
  }

  #ask(key: string | undefined, avoid: AvoidCandidate | undefined): Member | undefined {
    const picked = this.#balancer.pick(key, avoid) as Member | undefined;
    // A balancer of one's own may forget to forget: who has left is never called.
    return picked?.isPresent ? picked : undefined;
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
    member.isPresent = false;
    member.unfollow();
    this.#balancer.remove(member);
  }
}

/** One candidate. */
export class Member implements Candidate, Follower {
  readonly key: string;
  isPresent = true;
  readonly #meter: CallMeter;
  readonly #balancer: Balancer;
  #instance: ServiceUrl;
  #weight: number;
  #gauge: Gauge | undefined;
  #leavesWhenIdle = false;

  constructor(key: string, instance: ServiceUrl, meter: CallMeter, balancer: Balancer) {
    this.key = key;
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

  ended(latencyMs: number, result: CallResult): void {
    this.#balancer.ended?.(this, latencyMs, result);
    if (this.#leavesWhenIdle) this.unfollowWhenIdle();
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

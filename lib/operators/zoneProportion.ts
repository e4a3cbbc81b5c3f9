import { DEFAULT_WEIGHT, weightOf } from '../balancers/shared/weight.js';
import type { ServiceUrl } from '../dubbo/index.js';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { rendezvousScore } from './rendezvousScore.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';
import { zoneShares } from './zoneShares.js';

const HIGHEST_WEIGHT = 2 ** 31 - 1;

interface Member {
  readonly instance: ServiceUrl;
  readonly weight: number;
  /** The instance as it was told last, and with which weight. */
  told: { readonly weight: number; readonly instance: ServiceUrl };
}

/** The instances of one zone. */
interface Zone {
  readonly members: Map<string, Member>;
  /** By what their weights are multiplied; 0 leaves them out. */
  factor: number;
}

/** What `preferZone` does in the mode `proportional`: all of a zone, and of others by smaller weights as much as it lacks. */
export class ZoneProportion implements SetMachine<InstanceSet> {
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  readonly #own: string;
  readonly #zoneOf: (instance: ServiceUrl) => string;
  readonly #traffic: ReadonlyMap<string, number> | undefined;
  /** Weights are whole numbers: a fraction is rounded up or down by key, in another way for each zone that asks. */
  readonly #lot: (key: string) => number;
  readonly #zones = new Map<string, Zone>();
  readonly #weights = new Map<string, number>();
  readonly #zoneByKey = new Map<string, string>();
  /** How many instances have weight. */
  #weighty = 0;

  constructor(own: string, zoneOf: (instance: ServiceUrl) => string, traffic: ReadonlyMap<string, number> | undefined) {
    this.#own = own;
    this.#zoneOf = zoneOf;
    this.#traffic = traffic;
    this.#lot = rendezvousScore(own);
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  take(set: InstanceSet): boolean {
    const isFirst = !this.#source.hasBegun;
    const touched = new Map<string, Member | undefined>();
    for (const { key, after } of this.#source.follow(set)) {
      this.#remove(key);
      touched.set(key, after && this.#add(key, after));
    }
    const entries = new Map<string, ServiceUrl | undefined>();
    const moved = this.#reckon();
    for (const [key, member] of touched) {
      entries.set(key, member && this.#weighted(key, member, this.#zones.get(this.#zoneByKey.get(key)!)!.factor));
    }
    for (const { members, factor } of moved) {
      for (const [key, member] of members) entries.set(key, this.#weighted(key, member, factor));
    }
    return this.#ledger.write(entries).length > 0 || isFirst;
  }

  #add(key: string, instance: ServiceUrl): Member {
    const name = this.#zoneOf(instance);
    const weight = weightOf(instance);
    const member: Member = { instance, weight, told: { weight, instance } };
    const zone = this.#zones.get(name);
    if (zone) zone.members.set(key, member);
    else this.#zones.set(name, { members: new Map([[key, member]]), factor: 0 });
    this.#zoneByKey.set(key, name);
    this.#weigh(name, weight, 1);
    return member;
  }

  #remove(key: string): void {
    const name = this.#zoneByKey.get(key);
    if (name === undefined) return;
    const zone = this.#zones.get(name)!;
    const { weight } = zone.members.get(key)!;
    zone.members.delete(key);
    this.#zoneByKey.delete(key);
    this.#weigh(name, weight, -1);
    if (zone.members.size > 0) return;
    this.#zones.delete(name);
    this.#weights.delete(name);
  }

  #weigh(name: string, weight: number, sign: 1 | -1): void {
    this.#weights.set(name, (this.#weights.get(name) ?? 0) + sign * weight);
    if (weight > 0) this.#weighty += sign;
  }

  /** Reckons the factors anew, and returns the zones that have another one than before. */
  #reckon(): Zone[] {
    const shares = zoneShares(this.#own, this.#weights, this.#traffic);
    // Where nobody has any weight, all are equal. Where all calls stay in one zone, its weights may stay what they are.
    const scale = shares.size > 1 ? this.#scale : 1;
    const moved: Zone[] = [];
    for (const [name, zone] of this.#zones) {
      const factor = shares.size === 0 ? 1 : (shares.get(name) ?? (name === this.#own ? 1 : 0)) * scale;
      if (factor !== zone.factor) moved.push(zone);
      zone.factor = factor;
    }
    return moved;
  }

  /** Makes small weights large enough that a hundredth of one is a whole number; a power of two, so that it seldom changes. */
  get #scale(): number {
    const total = [...this.#weights.values()].reduce((sum, weight) => sum + weight, 0);
    return Math.max(1, 2 ** Math.ceil(Math.log2((DEFAULT_WEIGHT * this.#weighty) / total)));
  }

  #weighted(key: string, member: Member, factor: number): ServiceUrl | undefined {
    if (factor === 0) return undefined;
    // One of weight 0 stays one: it gets calls only where there are no others.
    if (factor === 1 || member.weight === 0) return member.instance;
    const weight = Math.min(HIGHEST_WEIGHT, Math.floor(member.weight * factor + this.#lot(key)));
    if (weight === 0) return undefined;
    if (member.told.weight !== weight) {
      const instance = member.instance.with({ parameters: { weight: String(weight) } });
      member.told = { weight, instance };
    }
    return member.told.instance;
  }
}

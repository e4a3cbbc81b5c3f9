import type { AvoidCandidate, Balancer, BalancerFactory, Candidate } from '../balancer.js';
import { Circle, type Place } from './circle.js';
import { hashText, SEED_REQUEST } from '../shared/hash.js';
import { checked, count, optionalFunction, optionsObject } from '../shared/options.js';
import type { RandomOptions } from '../random.js';
import { Tiers } from '../shared/tiers.js';

/** How {@link consistentHash} spreads. */
export interface ConsistentHashOptions extends RandomOptions {
  /**
   * How many of the calls under way an instance may have, as a multiple of its share by weight; `Infinity` for all of them.
   * From 1 up: the nearer to 1, the more keys move aside when there is much to do.
   *
   * @defaultValue 1.25
   */
  readonly maxLoad?: number | undefined;
  /**
   * How many points on the ring an instance of weight 100 has. The shares of instances differ from their weights by about
   * `1 / √points`; memory is about 16 to 32 bytes a point, and a change costs as much as there are points.
   *
   * @defaultValue 64
   */
  readonly points?: number | undefined;
}

/**
 * A balancer that keeps calls with one key on one instance, and moves few keys when the set changes.
 *
 * Instances have points on a ring, as many as they weigh; a key belongs to whose point comes next. An instance that leaves gives
 * its own keys to others and moves no other key; one that comes takes only what is its own from now on; one that changes its
 * weight takes or gives by as much. All clients with the same set and options agree on whose a key is, as long as the load
 * allows: no instance gets a call while it has more than `maxLoad` times its share of all calls under way, rounded up; then
 * the call goes to the next one on the ring that has not. Only calls made through `Picker.use` or counted by the
 * {@link CallMeter} are known. Calls without a key are spread by weight, at random. Instances of weight 0 have keys only if
 * there are no others.
 *
 * A pick costs O(1) on average, a change O(points) and not more if there are more instances.
 *
 * Sources: D. Karger et al., "Consistent Hashing and Random Trees", 1997; V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent
 * Hashing with Bounded Loads", 2016. The hash is not Dubbo's: keys are not where Java has them.
 *
 * @throws InvalidOptionError if `maxLoad` is below 1, `points` no whole number from 1 to 10000, or `random` no function.
 *
 * @example
 * ```ts
 * instances.pipe(balance(consistentHash({ maxLoad: 1.5 })));
 * picker.use(request.userId, (target) => call(target, request));
 * ```
 */
export function consistentHash(options: ConsistentHashOptions = {}): BalancerFactory {
  optionsObject(options);
  const { maxLoad = 1.25 } = options;
  checked('maxLoad', maxLoad, 'a number from 1 up', typeof maxLoad === 'number' && maxLoad >= 1);
  const points = count('points', options.points ?? 64, 10_000);
  const draw = optionalFunction('random', options.random) ?? Math.random;
  return () => new ConsistentHash(maxLoad, points, draw);
}

class ConsistentHash implements Balancer {
  readonly #draw: () => number;
  readonly #places = new Map<Candidate, Place>();
  readonly #circles: Tiers<Circle>;

  constructor(maxLoad: number, points: number, draw: () => number) {
    this.#draw = draw;
    this.#circles = new Tiers(() => new Circle(maxLoad, points));
  }

  add(candidate: Candidate): void {
    const { key } = candidate;
    const circle = this.#circles.of(candidate);
    const place: Place = { key, candidate, circle, weight: 0, inFlight: 0, points: 0, number: -1 };
    this.#places.set(candidate, place);
    circle.add(place);
  }

  changed(candidate: Candidate): void {
    const place = this.#places.get(candidate)!;
    const circle = this.#circles.of(candidate);
    if (circle === place.circle) return circle.reweigh(place);
    place.circle.remove(place);
    place.circle = circle;
    circle.add(place);
  }

  remove(candidate: Candidate): void {
    const place = this.#places.get(candidate)!;
    this.#places.delete(candidate);
    place.circle.remove(place);
  }

  pick(key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const circle = this.#circles.current;
    const position = key === undefined ? (this.#draw() * 2 ** 32) >>> 0 : hashText(key, SEED_REQUEST);
    return circle.at(position, avoid)?.candidate;
  }

  started(candidate: Candidate): void {
    const place = this.#places.get(candidate)!;
    place.circle.count(place);
  }

  ended(candidate: Candidate): void {
    this.started(candidate);
  }
}

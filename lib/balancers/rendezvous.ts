import type { AvoidCandidate, Balancer, BalancerFactory, Candidate } from './balancer.js';
import { hashAt, hashText, SEED_REQUEST, SEED_REQUEST_OTHER } from './shared/hash.js';
import { optionalFunction, optionsObject } from './shared/options.js';
import { type PointOwner, PointRing } from './shared/pointRing.js';
import { pointsFor } from './shared/points.js';
import type { RandomOptions } from './random.js';
import { Tiers } from './shared/tiers.js';
import { shareOf } from './shared/weight.js';

/** A candidate on a ring. */
interface Place extends PointOwner {
  readonly candidate: Candidate;
  ring: PointRing<Place>;
}

// No options: clients that do not agree on these do not agree on anything.
const POINTS = 40;
const PROBES = 8;

/**
 * A balancer that keeps calls with one key on one instance: the one with the highest score for that key.
 *
 * A score depends on the key, the instance and its weight, and on nothing else. So an instance that leaves moves its own keys
 * and no other, one that comes takes keys only for itself, and all clients with the same set agree whatever came before.
 * Shares follow the weights within about a twentieth, much closer than {@link consistentHash}; weights count in steps of
 * 2.5, one step at least. There is no bound on the load. Calls without a key are spread by weight, at random. Instances of weight 0
 * have keys only if there are no others.
 *
 * Scored in the usual way all instances have to be looked at for each pick. Here an instance's score is how close the nearest of
 * its points is to one of 8 places that the key stands for, which a ring finds: a pick costs O(1), and so does a change,
 * however many instances there are.
 *
 * Sources: D. G. Thaler, C. V. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998; the score is that of
 * B. Appleton, M. O'Reilly, "Multi-probe consistent hashing", 2015.
 *
 * @throws InvalidOptionError if `random` is no function.
 *
 * @example
 * ```ts
 * instances.pipe(balance(rendezvous()));
 * picker.use(request.userId, (target) => call(target, request));
 * ```
 */
export function rendezvous(options: RandomOptions = {}): BalancerFactory {
  optionsObject(options);
  const draw = optionalFunction('random', options.random) ?? Math.random;
  return () => new Rendezvous(draw);
}

class Rendezvous implements Balancer {
  readonly #draw: () => number;
  readonly #places = new Map<Candidate, Place>();
  readonly #rings = new Tiers(() => new PointRing<Place>());

  constructor(draw: () => number) {
    this.#draw = draw;
  }

  add(candidate: Candidate): void {
    const ring = this.#rings.of(candidate);
    const place: Place = { key: candidate.key, candidate, ring, points: 0, number: -1 };
    this.#places.set(candidate, place);
    ring.add(place, pointsOf(candidate));
  }

  changed(candidate: Candidate): void {
    const place = this.#places.get(candidate)!;
    const ring = this.#rings.of(candidate);
    if (ring === place.ring) return ring.resize(place, pointsOf(candidate));
    place.ring.remove(place);
    place.ring = ring;
    ring.add(place, pointsOf(candidate));
  }

  remove(candidate: Candidate): void {
    const place = this.#places.get(candidate)!;
    this.#places.delete(candidate);
    place.ring.remove(place);
  }

  pick(key?: string, avoid?: AvoidCandidate): Candidate | undefined {
    const ring = this.#rings.current;
    if (ring.size === 0) return undefined;
    const one = key === undefined ? this.#draw() * 2 ** 32 : hashText(key, SEED_REQUEST);
    const other = key === undefined ? this.#draw() * 2 ** 32 : hashText(key, SEED_REQUEST_OTHER);
    const fits = avoid && (({ candidate }: Place) => !avoid(candidate));
    let nearest = -1;
    let shortest = Infinity;
    for (let probe = 0; probe < PROBES; probe++) {
      const place = hashAt(one, other, probe);
      const point = fits ? ring.seekFitting(place, fits) : ring.seek(place);
      if (point < 0) return undefined;
      const distance = ring.distance(place, point);
      if (distance >= shortest) continue;
      shortest = distance;
      nearest = point;
    }
    return ring.ownerOf(nearest).candidate;
  }
}

function pointsOf(candidate: Candidate): number {
  return pointsFor(shareOf(candidate), POINTS);
}

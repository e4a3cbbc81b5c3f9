import type { AvoidCandidate, Candidate } from '../balancer.js';
import { type PointOwner, PointRing } from '../shared/pointRing.js';
import { pointsFor } from '../shared/points.js';
import { shareOf } from '../shared/weight.js';

/** A candidate on a ring. */
export interface Place extends PointOwner {
  readonly candidate: Candidate;
  circle: Circle;
  weight: number;
  /** How many calls to it the circle has counted. */
  inFlight: number;
}

/** A ring that knows how much is under way. */
export class Circle {
  readonly #ring = new PointRing<Place>();
  readonly #maxLoad: number;
  readonly #points: number;
  #weight = 0;
  #inFlight = 0;

  constructor(maxLoad: number, points: number) {
    this.#maxLoad = maxLoad;
    this.#points = points;
  }

  get size(): number {
    return this.#ring.size;
  }

  add(place: Place): void {
    place.weight = shareOf(place.candidate);
    this.#weight += place.weight;
    this.#ring.add(place, pointsFor(place.weight, this.#points));
    this.count(place);
  }

  remove(place: Place): void {
    this.#ring.remove(place);
    this.#weight -= place.weight;
    this.#inFlight -= place.inFlight;
    place.inFlight = 0;
  }

  reweigh(place: Place): void {
    const weight = shareOf(place.candidate);
    this.#weight += weight - place.weight;
    place.weight = weight;
    this.#ring.resize(place, pointsFor(weight, this.#points));
  }

  count(place: Place): void {
    const { inFlight } = place.candidate;
    this.#inFlight += inFlight - place.inFlight;
    place.inFlight = inFlight;
  }

  /** Whose point comes first from a position on, of those that have not more to do than they may. */
  at(position: number, avoid?: AvoidCandidate): Place | undefined {
    const first = this.#ring.seek(position);
    if (first < 0) return undefined;
    if (avoid) return this.#atFree(position, ({ candidate }) => !avoid(candidate));
    if (this.#maxLoad === Infinity) return this.#ring.ownerOf(first);
    const each = this.#most;
    let point = first;
    // All of them cannot have more than their share, so this ends.
    while (!hasRoom(this.#ring.ownerOf(point), each)) point = this.#ring.after(point);
    return this.#ring.ownerOf(point);
  }

  /** Of some only: all of those can have more than their share, and then that does not count. */
  #atFree(position: number, isFree: (place: Place) => boolean): Place | undefined {
    const each = this.#most;
    const point = this.#ring.seekFitting(position, (place) => isFree(place) && hasRoom(place, each));
    const free = point < 0 ? this.#ring.seekFitting(position, isFree) : point;
    return free < 0 ? undefined : this.#ring.ownerOf(free);
  }

  /** How many calls may be under way for each unit of weight, with the next one. */
  get #most(): number {
    return (this.#maxLoad * (this.#inFlight + 1)) / this.#weight;
  }
}

function hasRoom({ inFlight, weight }: Place, each: number): boolean {
  // What rounding adds must not make room for one more.
  return inFlight < Math.ceil(each * weight - 1e-9);
}

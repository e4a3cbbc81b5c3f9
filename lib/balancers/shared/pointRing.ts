import { hashAt, hashText, SEED_ONE, SEED_OTHER } from './hash.js';

/** Who has points on a {@link PointRing}. */
export interface PointOwner {
  /** What its points are made of. */
  readonly key: string;
  /** How many points it has. Only the ring writes it. */
  points: number;
  /** Its number on the ring. Only the ring writes it. */
  number: number;
}

/** No point. */
const NONE = -1;
const SMALLEST = 16;

/**
 * A ring of 2^32 places with points on it that belong to somebody: finds the point at or after a place.
 *
 * Points are spread evenly, so a table of as many buckets as points, in the order of their places, has about one in each:
 * finding, adding and removing a point take a time that does not depend on how many there are. Everything is in arrays of
 * numbers, 16 bytes for each point that there is room for, which is up to twice as many as there are; a ring that has become
 * too large gives the room back.
 *
 * The same owners with the same numbers of points make the same ring, whatever came before.
 */
export class PointRing<T extends PointOwner> {
  // Every bucket is a list of points, first to last.
  #heads!: Int32Array;
  #nexts!: Int32Array;
  #places!: Uint32Array;
  #owners!: Int32Array;
  #free = NONE;
  #used = 0;
  #size = 0;
  #capacity = 0;
  #shift = 32;
  readonly #byNumber: (T | undefined)[] = [];
  readonly #numbers: number[] = [];

  constructor() {
    this.#allocate(SMALLEST);
  }

  /** How many points there are. */
  get size(): number {
    return this.#size;
  }

  /** How many points there is room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Gives a new owner points, one at least. */
  add(owner: T, points: number): void {
    owner.number = this.#numbers.pop() ?? this.#byNumber.length;
    this.#byNumber[owner.number] = owner;
    owner.points = 0;
    this.resize(owner, points);
  }

  /** Takes all points from an owner. */
  remove(owner: T): void {
    this.resize(owner, 0);
    this.#byNumber[owner.number] = undefined;
    this.#numbers.push(owner.number);
    owner.number = NONE;
    if (this.#numbers.length === this.#byNumber.length) this.#byNumber.length = this.#numbers.length = 0;
  }

  /** Gives an owner more points, or takes some; the others stay where they are. */
  resize(owner: T, points: number): void {
    if (points === owner.points) return;
    const one = hashText(owner.key, SEED_ONE);
    const other = hashText(owner.key, SEED_OTHER);
    for (; owner.points < points; owner.points++) this.#insert(owner, hashAt(one, other, owner.points));
    for (; owner.points > points; owner.points--) this.#delete(owner, hashAt(one, other, owner.points - 1));
    if (this.#capacity > SMALLEST && this.#size < this.#capacity / 8) this.#rebuild(this.#capacity / 4);
  }

  /** The first point at or after a place, all the way round; -1 on an empty ring. */
  seek(place: number): number {
    if (this.#size === 0) return NONE;
    const bucket = place >>> this.#shift;
    for (let point = this.#heads[bucket]!; point !== NONE; point = this.#nexts[point]!) {
      if (this.#places[point]! >= place) return point;
    }
    return this.#headAfter(bucket);
  }

  /** The point after a point, all the way round. */
  after(point: number): number {
    const next = this.#nexts[point]!;
    return next === NONE ? this.#headAfter(this.#places[point]! >>> this.#shift) : next;
  }

  /** Whose point it is. */
  ownerOf(point: number): T {
    return this.#byNumber[this.#owners[point]!]!;
  }

  /** The first point at or after a place whose owner fits, all the way round; -1 if nobody does. */
  seekFitting(place: number, fits: (owner: T) => boolean): number {
    let point = this.seek(place);
    for (let left = this.#size; left > 0; left--) {
      if (fits(this.ownerOf(point))) return point;
      point = this.after(point);
    }
    return NONE;
  }

  /** How far it is from a place on to a point. */
  distance(place: number, point: number): number {
    return (this.#places[point]! - place) >>> 0;
  }

  #headAfter(bucket: number): number {
    const last = this.#capacity - 1;
    for (;;) {
      bucket = (bucket + 1) & last;
      const head = this.#heads[bucket]!;
      if (head !== NONE) return head;
    }
  }

  #insert(owner: T, place: number): void {
    if (this.#size === this.#capacity) this.#rebuild(this.#capacity * 2);
    const point = this.#free === NONE ? this.#used++ : this.#free;
    if (point === this.#free) this.#free = this.#nexts[point]!;
    this.#places[point] = place;
    this.#owners[point] = owner.number;
    const bucket = place >>> this.#shift;
    let before = NONE;
    let next = this.#heads[bucket]!;
    while (next !== NONE && this.#isBefore(next, owner, place)) {
      before = next;
      next = this.#nexts[next]!;
    }
    this.#nexts[point] = next;
    if (before === NONE) this.#heads[bucket] = point;
    else this.#nexts[before] = point;
    this.#size += 1;
  }

  /** Two points in one place are in the order of their owners' keys, so that all clients agree. */
  #isBefore(point: number, owner: T, place: number): boolean {
    const there = this.#places[point]!;
    return there < place || (there === place && this.ownerOf(point).key < owner.key);
  }

  #delete(owner: T, place: number): void {
    const bucket = place >>> this.#shift;
    let before = NONE;
    let point = this.#heads[bucket]!;
    while (this.#places[point] !== place || this.#owners[point] !== owner.number) {
      before = point;
      point = this.#nexts[point]!;
    }
    const next = this.#nexts[point]!;
    if (before === NONE) this.#heads[bucket] = next;
    else this.#nexts[before] = next;
    this.#nexts[point] = this.#free;
    this.#free = point;
    this.#size -= 1;
  }

  #allocate(capacity: number): void {
    this.#capacity = capacity;
    this.#shift = 32 - Math.log2(capacity);
    this.#heads = new Int32Array(capacity).fill(NONE);
    this.#nexts = new Int32Array(capacity);
    this.#places = new Uint32Array(capacity);
    this.#owners = new Int32Array(capacity);
    this.#free = NONE;
    this.#used = 0;
  }

  /** Costs O(points), and comes after at least as many changes to them as an eighth of that. */
  #rebuild(capacity: number): void {
    const heads = this.#heads;
    const nexts = this.#nexts;
    const places = this.#places;
    const owners = this.#owners;
    this.#allocate(capacity);
    let previous = NONE;
    let previousBucket = NONE;
    for (const head of heads) {
      for (let old = head; old !== NONE; old = nexts[old]!) {
        const point = this.#used++;
        const place = places[old]!;
        const bucket = place >>> this.#shift;
        this.#places[point] = place;
        this.#owners[point] = owners[old]!;
        this.#nexts[point] = NONE;
        if (bucket === previousBucket) this.#nexts[previous] = point;
        else this.#heads[bucket] = point;
        previous = point;
        previousBucket = bucket;
      }
    }
  }
}

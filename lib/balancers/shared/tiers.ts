/**
 * Two of a structure: one for candidates with a weight, one for those of weight 0, who are asked only if there are no others.
 *
 * That way an instance that gets or loses its weight is one change like any other, also if it is the first or the last one
 * to have any.
 */
export class Tiers<S extends { readonly size: number }> {
  readonly weighty: S;
  readonly spare: S;

  constructor(make: () => S) {
    this.weighty = make();
    this.spare = make();
  }

  /** Where a candidate belongs. */
  of({ weight }: { readonly weight: number }): S {
    return weight > 0 ? this.weighty : this.spare;
  }

  /** Where to choose from now. */
  get current(): S {
    return this.weighty.size > 0 ? this.weighty : this.spare;
  }
}

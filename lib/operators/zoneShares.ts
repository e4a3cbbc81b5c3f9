/** A share of all traffic, or of all capacity, that is less than this is lost in rounding. */
const NOTHING = 1e-9;

/**
 * By what to multiply the weights of each zone so that a zone which is short hands on only what it lacks.
 *
 * @param own - The zone that the calls come from.
 * @param weights - The sum of the weights of the instances of each zone.
 * @param traffic - How much each zone calls, in any unit; `undefined` for as much each.
 * @returns A factor from 0 to 1 for each zone that gets calls, the largest of them 1; none if nobody has any weight.
 */
export function zoneShares(
  own: string,
  weights: ReadonlyMap<string, number>,
  traffic: ReadonlyMap<string, number> | undefined,
): Map<string, number> {
  const capacity = sharesOf(weights);
  const demand = sharesOf(traffic ?? evenTraffic(own, weights));
  const owned = capacity.get(own) ?? 0;
  const lacking = (demand.get(own) ?? 0) - owned;
  const factors = new Map<string, number>();
  if (owned > 0) factors.set(own, 1);
  if (lacking > NOTHING) {
    const room = [...capacity].map(([zone, share]) => [zone, share - (demand.get(zone) ?? 0)] as const);
    const roomy = room.filter(([, left]) => left > NOTHING);
    const total = roomy.reduce((sum, [, left]) => sum + left, 0);
    for (const [zone, left] of roomy) factors.set(zone, (lacking * left) / (total * capacity.get(zone)!));
  }
  const largest = Math.max(0, ...factors.values());
  return new Map([...factors].map(([zone, factor]) => [zone, factor / largest]));
}

/** What is not zero, as parts of 1. */
function sharesOf(amounts: ReadonlyMap<string, number>): Map<string, number> {
  const total = [...amounts.values()].reduce((sum, amount) => sum + amount, 0);
  return new Map([...amounts].filter(([, amount]) => amount > 0).map(([zone, amount]) => [zone, amount / total]));
}

/** As much from each zone that has instances, and from one's own. Instances of no zone tell of no callers. */
function evenTraffic(own: string, weights: ReadonlyMap<string, number>): Map<string, number> {
  const zones = [...weights].filter(([zone, weight]) => zone !== '' && weight > 0).map(([zone]) => zone);
  return new Map([...zones, own].map((zone) => [zone, 1]));
}

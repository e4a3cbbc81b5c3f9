/** Random numbers that are the same in every run, so that no statistical spec ever fails by chance. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // The low bits of such a generator are poor: they are mixed with the high ones.
    let bits = state ^ (state >>> 15);
    bits = Math.imul(bits, 0x2c1b3c6d);
    bits = Math.imul(bits ^ (bits >>> 12), 0x297a2d39);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** The normal quantile of {@link CONFIDENCE}, one-sided. */
const Z = 4.753;

/** What is claimed with this confidence would be refuted by pure chance once in a million seeds. */
export const CONFIDENCE = 1 - 1e-6;

/**
 * How far counts are from what weights promise: Pearson's chi-square over its critical value at {@link CONFIDENCE}, so that
 * above 1 the weights are not honoured.
 */
export function misfit(counts: Readonly<Record<string, number>>, weights: Readonly<Record<string, number>>): number {
  const names = Object.keys(weights);
  const total = names.reduce((sum, name) => sum + weights[name]!, 0);
  const picks = Object.values(counts).reduce((sum, count) => sum + count, 0);
  let square = 0;
  for (const name of names) {
    const expected = (picks * weights[name]!) / total;
    square += ((counts[name] ?? 0) - expected) ** 2 / expected;
  }
  return square / critical(names.length - 1);
}

/** The critical value of chi-square, by Wilson and Hilferty. */
function critical(freedom: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + Z * Math.sqrt(spread)) ** 3;
}

/**
 * How far a share is from what was expected of it, as a part of that, at least: the spread by chance of what is drawn by lot is
 * taken off at 99 % confidence, two-sided and by Bonferroni for as many comparisons.
 */
export function withinAt99(count: number, expected: number, comparisons: number): number {
  const spread = quantile(1 - 0.01 / (2 * comparisons)) * Math.sqrt(expected);
  return Math.max(0, Math.abs(count - expected) - spread) / expected;
}

/** The normal quantile, by Abramowitz and Stegun 26.2.23; off by less than 0.0005. */
function quantile(probability: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - probability));
  return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

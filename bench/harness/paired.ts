import { type Spread, spreadOf } from './statistics.js';

/** What one repetition measured: numbers by name, each of a unit of its own. */
export type Sample = Readonly<Record<string, number>>;

/** One number of both sides. */
export interface Comparison {
  readonly ours: Spread;
  readonly bare: Spread;
  /** Ours by bare, of each pair: what slows the machine down for a while slows both of a pair down. */
  readonly ratio: Spread;
}

/** How {@link paired} goes about it. */
export interface PairedOptions {
  readonly repetitions: number;
  /** Pairs that are done first and not counted. @defaultValue 1 */
  readonly warmUps?: number;
  readonly onPair?: (number: number) => void;
}

/** Measures two kinds of work in turn, A B A B, and compares every number that both tell. */
export async function paired(
  ours: () => Promise<Sample>,
  bare: () => Promise<Sample>,
  { repetitions, warmUps = 1, onPair }: PairedOptions,
): Promise<Record<string, Comparison>> {
  const pairs: (readonly [ours: Sample, bare: Sample])[] = [];
  for (let number = 1 - warmUps; number <= repetitions; number++) {
    const bareSample = await bare();
    const pair = [await ours(), bareSample] as const;
    if (number < 1) continue;
    pairs.push(pair);
    onPair?.(number);
  }
  return compare(pairs);
}

/** Compares what pairs of repetitions measured. */
export function compare(pairs: readonly (readonly [ours: Sample, bare: Sample])[]): Record<string, Comparison> {
  const [first] = pairs;
  if (!first) throw new RangeError('There is no pair to compare.');
  const shared = Object.keys(first[0]).filter((name) => name in first[1]);
  return Object.fromEntries(
    shared.map((name) => [
      name,
      {
        ours: spreadOf(pairs.map(([ours]) => ours[name]!)),
        bare: spreadOf(pairs.map(([, bare]) => bare[name]!)),
        ratio: spreadOf(pairs.map(([ours, bare]) => ours[name]! / bare[name]!)),
      },
    ]),
  );
}

import type { Comparison } from './paired.js';
import type { Spread } from './statistics.js';
import type { Stage } from './stage.js';

/** The servers that figures are measured on. */
export const BACKENDS = ['zookeeper', 'etcd'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** One measured number: a row of the table. */
export interface Row extends Partial<Comparison> {
  /** The name of the figure. */
  readonly figure: string;
  /** Where it was measured; none for what needs no server. */
  readonly backend?: BackendName;
  /** Of how many, or what else tells it apart from the figure's other rows. */
  readonly at: string;
  /** What was measured, and in which unit: `latency`, `ms`. */
  readonly metric: string;
  readonly unit: string;
  readonly ours: Spread;
  /** What ours is compared with; nothing where a number stands for itself. */
  readonly against?: string;
}

/** Something that is measured. */
export interface Figure {
  readonly name: string;
  /** What is measured, in one sentence. */
  readonly what: string;
  /** Where it is measured; nowhere means that it needs no server. */
  readonly backends: readonly BackendName[];
  measure(stage: Stage): Promise<Row[]>;
}

/** What a number is called, and its unit. */
export type Metrics = Readonly<Record<string, readonly [metric: string, unit: string]>>;

/** Makes rows of comparisons, those that are named. */
export function rowsOf(
  of: {
    readonly figure: string;
    readonly backend?: BackendName | undefined;
    readonly at: string;
    readonly against: string;
  },
  metrics: Metrics,
  comparisons: Readonly<Record<string, Comparison>>,
): Row[] {
  const { figure, at, against, backend } = of;
  return Object.entries(metrics).flatMap(([name, [metric, unit]]) => {
    const comparison = comparisons[name];
    return comparison ? [{ figure, ...(backend && { backend }), at, metric, unit, against, ...comparison }] : [];
  });
}

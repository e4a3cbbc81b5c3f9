import { type BackendName, BACKENDS, type Row } from './harness/figure.js';
import { threeDigits } from './harness/table.js';
import type { Target } from './harness/verdict.js';

type Rows = readonly Row[];
type Wanted = Partial<Pick<Row, 'figure' | 'backend' | 'at' | 'metric' | 'against'>>;

/** The row that is like that. */
export function rowLike(rows: Rows, wanted: Wanted): Row | undefined {
  return rows.find((row) => Object.entries(wanted).every(([name, value]) => row[name as keyof Wanted] === value));
}

/** What shall be held, on both servers where it is measured on servers. */
export const TARGETS: readonly Target<Rows>[] = [
  ...BACKENDS.flatMap((backend): Target<Rows>[] => [
    {
      of: `register 10,000 on ${backend}`,
      sign: '≤',
      limit: 0.5,
      measured: ratio({ figure: 'register', backend, at: '10,000', metric: 'until acknowledged' }),
      heldBy: (rows) =>
        `${ownCpu({ figure: 'register', backend, at: '10,000' }, 'until acknowledged')(rows)}; a profile names garbage collection and RxJS's subscriptions first`,
    },
    {
      of: `re-assert 10,000 on ${backend}`,
      sign: '≤',
      limit: 0.5,
      measured: ratio({ figure: 'reassert', backend, metric: 'until acknowledged' }),
      heldBy: ownCpu({ figure: 'reassert', backend, at: '10,000' }, 'until acknowledged'),
    },
    {
      of: `first list of 10,000 on ${backend}`,
      sign: '≤',
      limit: 1.2,
      measured: ratio({ figure: 'snapshot', backend, metric: 'until complete' }),
      heldBy: ownCpu({ figure: 'snapshot', backend, at: '10,000' }, 'until complete'),
    },
    {
      of: `longest block while it arrives, ${backend}`,
      sign: '≤',
      limit: 20,
      unit: 'ms',
      measured: (rows) => rowLike(rows, { figure: 'block', backend })?.ours.median,
      heldBy: (rows) =>
        `reading and decoding it at once blocks for ${millisecondsOf(rowLike(rows, { figure: 'block', backend })?.bare?.median)} with the raw client`,
    },
    {
      of: `CPU of a change at 50,000, by one at 10, ${backend}`,
      sign: '≤',
      limit: 1.5,
      measured: ratio({
        figure: 'change',
        backend,
        at: 'among 50,000',
        metric: 'consumer CPU',
        against: 'rx-registry among 10',
      }),
      heldBy: () => 'not looked into',
    },
    {
      of: `latency of a change at 50,000, by one at 10, ${backend}`,
      sign: '≤',
      limit: 1.5,
      measured: ratio({
        figure: 'change',
        backend,
        at: 'among 50,000',
        metric: 'latency',
        against: 'rx-registry among 10',
      }),
      heldBy: () => 'not looked into',
    },
    {
      of: `times cheaper in CPU than reading 10,000 again, ${backend}`,
      sign: '≥',
      limit: 50,
      measured: (rows) => inverse(ratio(changeAt(backend, '10,000'))(rows)),
      heldBy: (rows) => wakeUp(rows, backend),
    },
    {
      of: `server load of 100 subscribers, by one, ${backend}`,
      sign: '≤',
      limit: 1.1,
      measured: (rows) => {
        const loads = rows.filter(
          (row) =>
            row.figure === 'subscribers' &&
            row.backend === backend &&
            row.against === 'rx-registry with one' &&
            // It holds the writes, too, which are the same for both and hide what is being asked.
            row.metric !== 'server CPU, each change',
        );
        return loads.length === 0 ? undefined : Math.max(...loads.map((row) => row.ratio?.median ?? NaN));
      },
      heldBy: () => 'subscribers of one service do not share all they ask the server for',
    },
    {
      of: `memory of an instance beyond its URL at 100,000, ${backend}`,
      sign: '≤',
      limit: 350,
      unit: 'B',
      measured: (rows) => rowLike(rows, { figure: 'memory', backend, at: '100,000' })?.ours.median,
      heldBy: (rows) =>
        `a name, a URL with its parameters, and an entry in each of several maps; what the platform decodes takes ${threeDigits(rowLike(rows, { figure: 'memory', backend, at: '100,000' })?.bare?.median ?? NaN)} B`,
    },
  ]),
  {
    of: 'load rx-registry/zookeeper',
    sign: '≤',
    limit: 1.3,
    measured: ratio({ figure: 'load', at: 'rx-registry/zookeeper', metric: 'importing' }),
    heldBy: (rows) =>
      `the number of files that are resolved and read; ${threeDigits(rowLike(rows, { figure: 'load', at: 'rx-registry/zookeeper', metric: 'CPU' })?.ratio?.median ?? NaN)} in CPU`,
  },
];

function ratio(wanted: Wanted): (rows: Rows) => number | undefined {
  return (rows) => rowLike(rows, wanted)?.ratio?.median;
}

function inverse(value: number | undefined): number | undefined {
  return value === undefined ? undefined : 1 / value;
}

function changeAt(backend: BackendName, size: string): Wanted {
  const against = backend === 'zookeeper' ? 'node-zookeeper-client' : 'etcd3';
  return { figure: 'change', backend, at: `among ${size}`, metric: 'consumer CPU', against };
}

/** How much of the time is our own work, and how much more than the raw client's. */
function ownCpu(wanted: Wanted, elapsed: string): (rows: Rows) => string {
  return (rows) => {
    const ms = rowLike(rows, { ...wanted, metric: elapsed });
    const cpu = rowLike(rows, { ...wanted, metric: 'CPU' });
    return `our ${millisecondsOf(ms?.ours.median)} take ${millisecondsOf(cpu?.ours.median)} of CPU of all our threads, ${threeDigits(cpu?.ratio?.median ?? NaN)} × the raw client's`;
  };
}

/** What it takes at least: that of the raw client where there is nothing to read again. */
function wakeUp(rows: Rows, backend: BackendName): string {
  const ours = rowLike(rows, changeAt(backend, '10,000'));
  const least = rowLike(rows, changeAt(backend, '10'));
  return `${millisecondsOf(ours?.ours.median)} each, and with 10 instances the raw client needs ${millisecondsOf(least?.bare?.median)} to be woken and read one answer`;
}

function millisecondsOf(value: number | undefined): string {
  return `${threeDigits(value ?? NaN)} ms`;
}

import { logLogChart, type Series } from './harness/chart.js';
import { type BackendName, BACKENDS, type Row } from './harness/figure.js';

const SIDES = {
  zookeeper: { raw: 'node-zookeeper-client', name: 'ZooKeeper', colour: '#1a7fd6' },
  etcd: { raw: 'etcd3', name: 'etcd', colour: '#d4722a' },
} as const;

/** What one change costs its consumer, by how many instances there are; nothing if that was not measured. */
export function changeChart(rows: readonly Row[]): string | undefined {
  const series = BACKENDS.flatMap((backend) => linesOf(rows, backend)).filter(({ points }) => points.length > 1);
  if (series.length === 0) return undefined;
  return logLogChart({
    title: 'What one change costs its consumer',
    xLabel: 'instances of the service',
    yLabel: 'CPU for one change, ms',
    series,
  });
}

function linesOf(rows: readonly Row[], backend: BackendName): Series[] {
  const { raw, name, colour } = SIDES[backend];
  const measured = rows.filter(
    (row) => row.figure === 'change' && row.backend === backend && row.metric === 'consumer CPU' && row.against === raw,
  );
  const line = (side: 'ours' | 'bare') =>
    measured.flatMap((row) => {
      const value = row[side]?.median;
      return value === undefined ? [] : [[Number(row.at.replaceAll(/\D/g, '')), value] as const];
    });
  return [
    { name: `rx-registry on ${name}`, colour, points: line('ours') },
    { name: `${raw}, reading again`, colour, dashed: true, points: line('bare') },
  ];
}

import { BACKENDS, type BackendName, type Row } from './harness/figure.js';
import { table } from './harness/markdown.js';
import { nodeOf, sampleUrl } from './harness/sampleUrls.js';
import { threeDigits } from './harness/table.js';
import { rowLike } from './targets.js';

/** What is taken for granted, and not measured. */
const N = 1_000_000;
const CLIENTS = 10_000;
const SERVICES = 10_000;
const FOLLOWED = 20;
const LIFETIME_S = 86_400;
const NETWORK_BYTES_PER_SECOND = 1.25e9;
/** What a Java client takes in one answer by default. */
const JAVA_LIMIT = 1_048_575;

/** A computed number: what it is, how it is computed, and what comes out on each server. */
interface Line {
  readonly what: string;
  readonly formula: string;
  readonly value: (measured: Measured) => string;
}

interface Measured {
  /** CPU of the consumer for one change, in ms. */
  readonly change: number;
  /** Of one that reads again, for each instance that it reads. */
  readonly rereadEach: number;
  /** Bytes from the server to a consumer for one change. */
  readonly eventBytes: number;
  /** Of a first list, for each instance, in ms. */
  readonly listEach: number;
  /** In the heap for each instance, its URL included. */
  readonly heapBytes: number;
  /** Of the consumer for each registration, in ms until acknowledged. */
  readonly registerEach: number;
  /** Bytes each second of a client at rest. */
  readonly idleBytes: number;
}

const CHURN = (2 * N) / LIFETIME_S;
const NAME_BYTES =
  Buffer.byteLength(nodeOf('com.acme.Users', sampleUrl('com.acme.Users', 1))) -
  '/dubbo/com.acme.Users/providers/'.length;
const PER_SERVICE = N / SERVICES;

const LINES: readonly Line[] = [
  {
    what: 'changes in the whole registry',
    formula: 'churn = 2 N / lifetime',
    value: () => `${threeDigits(CHURN)} /s`,
  },
  {
    what: 'everybody follows everything: what the server sends',
    formula: 'churn × C × bytes of an event',
    value: ({ eventBytes }) => `${bytes(CHURN * CLIENTS * eventBytes)}/s`,
  },
  {
    what: 'the same with watch and read again',
    formula: 'churn × C × N × bytes of a name',
    value: () => `${bytes(CHURN * CLIENTS * N * NAME_BYTES)}/s`,
  },
  {
    what: "everybody follows everything: a client's core",
    formula: 'churn × CPU of a change',
    value: ({ change }) => percent((CHURN * change) / 1_000),
  },
  {
    what: 'the same with watch and read again',
    formula: 'churn × N × CPU of a name',
    value: ({ rereadEach }) => `${threeDigits((CHURN * N * rereadEach) / 1_000)} cores`,
  },
  {
    what: "everybody follows everything: a client's heap",
    formula: 'N × bytes of an instance',
    value: ({ heapBytes }) => bytes(N * heapBytes),
  },
  {
    what: "everybody follows everything: a client's first list",
    formula: 'N × time of a listed instance',
    value: ({ listEach }) => `${threeDigits((N * listEach) / 1_000)} s`,
  },
  {
    what: 'everybody reads all of it anew, through 10 Gbit/s',
    formula: 'C × N × bytes of a name / network',
    value: () => duration((CLIENTS * N * NAME_BYTES) / NETWORK_BYTES_PER_SECOND),
  },
  {
    what: "k services followed: a client's instances",
    formula: 'k N / S',
    value: () => threeDigits(FOLLOWED * PER_SERVICE),
  },
  {
    what: "k services followed: a client's heap",
    formula: 'k N / S × bytes of an instance',
    value: ({ heapBytes }) => bytes(FOLLOWED * PER_SERVICE * heapBytes),
  },
  {
    what: 'k services followed: watches on the server',
    formula: 'k C',
    value: () => threeDigits(FOLLOWED * CLIENTS),
  },
  {
    what: 'k services followed: events that the server sends',
    formula: 'churn × k C / S',
    value: () => `${threeDigits((CHURN * FOLLOWED * CLIENTS) / SERVICES)} /s`,
  },
  {
    what: 'k services followed: all read anew, through 10 Gbit/s',
    formula: 'C × k N / S × bytes of a name / network',
    value: () => duration((CLIENTS * FOLLOWED * PER_SERVICE * NAME_BYTES) / NETWORK_BYTES_PER_SECOND),
  },
  {
    what: 'all instances announced anew by processes like this one, one after another',
    formula: 'N × time of a registration',
    value: ({ registerEach }) => duration((N * registerEach) / 1_000),
  },
  {
    what: 'the wire at rest, of C clients',
    formula: 'C × bytes at rest',
    value: ({ idleBytes }) => `${bytes(CLIENTS * idleBytes)}/s`,
  },
  {
    what: 'instances of one directory that a Java client still reads',
    formula: '1,048,575 / (bytes of a name + 4)',
    value: () => threeDigits(Math.floor(JAVA_LIMIT / (NAME_BYTES + 4))),
  },
];

/** The table of what follows from the measured rows; nothing if one that it needs was not measured. */
export function scalingTable(rows: readonly Row[]): string | undefined {
  const sides = BACKENDS.map((backend) => measuredOn(rows, backend));
  const [zookeeper, etcd] = sides;
  if (!zookeeper || !etcd) return undefined;
  return [
    table(
      ['measured', 'ZooKeeper', 'etcd'],
      INPUTS.map(([what, , unit, read]) => [
        what,
        ...[zookeeper, etcd].map((side) => `${threeDigits(read(side))} ${unit}`),
      ]),
    ),
    table(
      ['computed', 'formula', 'ZooKeeper', 'etcd'],
      LINES.map(({ what, formula, value }) => [what, `\`${formula}\``, value(zookeeper), value(etcd)]),
    ),
  ].join('\n\n');
}

const INPUTS: readonly (readonly [what: string, from: string, unit: string, read: (measured: Measured) => number])[] = [
  ['CPU of a change, for its consumer', 'change', 'ms', ({ change }) => change],
  ['CPU of a name that is read again', 'change', 'ms', ({ rereadEach }) => rereadEach],
  ['bytes of an event', 'subscribers', 'B', ({ eventBytes }) => eventBytes],
  ['bytes of a name', 'sampleUrls', 'B', () => NAME_BYTES],
  ['time of a listed instance', 'snapshot', 'ms', ({ listEach }) => listEach],
  ['bytes of an instance in the heap', 'memory', 'B', ({ heapBytes }) => heapBytes],
  ['time of a registration among 10,000', 'register', 'ms', ({ registerEach }) => registerEach],
  ['bytes at rest, each second', 'idle', 'B', ({ idleBytes }) => idleBytes],
];

function measuredOn(rows: readonly Row[], backend: BackendName): Measured | undefined {
  const of = (wanted: Parameters<typeof rowLike>[1]) => rowLike(rows, { backend, ...wanted });
  const reread = rows.findLast(
    (row) =>
      row.figure === 'change' &&
      row.backend === backend &&
      row.metric === 'consumer CPU' &&
      (row.against === 'node-zookeeper-client' || row.against === 'etcd3'),
  );
  const rereadSize = Number(reread?.at.replaceAll(/\D/g, ''));
  const heap = rows.find((row) => row.figure === 'memory' && row.backend === backend);
  const numbers = {
    change: reread?.ours.median,
    rereadEach: reread?.bare && reread.bare.median / rereadSize,
    eventBytes: of({ figure: 'subscribers', metric: 'bytes from the server, each change' })?.ours.median,
    listEach: divided(of({ figure: 'snapshot', metric: 'until complete' })?.ours.median, 10_000),
    heapBytes: heap && heap.ours.median + sampleUrl('com.acme.Remembered', 1).length,
    registerEach: divided(of({ figure: 'register', at: '10,000', metric: 'until acknowledged' })?.ours.median, 10_000),
    idleBytes: of({ figure: 'idle', metric: 'on the wire' })?.ours.median,
  };
  return Object.values(numbers).some((value) => value === undefined) ? undefined : (numbers as Measured);
}

function divided(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value / by;
}

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(value) / 3)));
  return `${threeDigits(value / 1_000 ** power)} ${units[power]}`;
}

function percent(share: number): string {
  return `${threeDigits(100 * share)} %`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${threeDigits(seconds)} s`;
  return seconds < 7_200 ? `${threeDigits(seconds / 60)} min` : `${threeDigits(seconds / 3_600)} h`;
}

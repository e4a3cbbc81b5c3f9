/**
 * Picks per second of each balancer, and of a whole pipeline, and the cost of one change through it, at 10, 1,000 and 100,000
 * instances.
 *
 * Each figure is a ratio to the least there is, measured in turn with it in the same run: a pick to an array index that goes
 * round, a change (one instance's weight, and the pick after it) to a bare `scan` that is pushed a value. Repeated, shown as the
 * median and how far the middle half of the repetitions is apart.
 *
 *     npx tsx bench/picks/picks.ts [--json] [--only NAME]
 */
import { type OperatorFunction, pipe, scan, Subject } from 'rxjs';
import {
  balance,
  CallMeter,
  consistentHash,
  ejectOutliers,
  leastLoaded,
  panic,
  type Picker,
  powerOfTwoChoices,
  preferZone,
  random,
  rendezvous,
  roundRobin,
  shortestResponse,
  smoothWeightedRoundRobin,
  stabilize,
  sticky,
} from '../../lib/operators/index.js';
import { instanceKey, ServiceUrl } from '../../lib/dubbo/index.js';
import { InstanceLedger, type InstanceSet } from '../../lib/instances/index.js';

const SIZES = [10, 1_000, 100_000];
const REPETITIONS = 15;
const ROUND_MS = 30;

/** From sets to a picker, with everything in between that most people want. */
function wholePipeline(): OperatorFunction<InstanceSet, Picker> {
  const meter = new CallMeter();
  return pipe(
    stabilize({ removeAfterMs: 10_000 }),
    preferZone('eu-1'),
    panic(ejectOutliers(meter.outcomes)),
    balance(leastLoaded(), { meter }),
  );
}

const PICKERS: readonly (readonly [name: string, toPicker: OperatorFunction<InstanceSet, Picker>])[] = [
  ['roundRobin', balance(roundRobin())],
  ['smoothWeightedRoundRobin', balance(smoothWeightedRoundRobin())],
  ['random', balance(random())],
  ['leastLoaded', balance(leastLoaded())],
  ['powerOfTwoChoices', balance(powerOfTwoChoices())],
  ['shortestResponse', balance(shortestResponse())],
  ['consistentHash', balance(consistentHash())],
  ['rendezvous', balance(rendezvous())],
  ['sticky', balance(sticky(roundRobin()))],
  ['whole pipeline', wholePipeline()],
];

interface Figure {
  readonly balancer: string;
  readonly instances: number;
  /** Picks in a second. */
  readonly picksPerSecond: number;
  /** How many array indexes a pick takes as long as. */
  readonly pickRatio: Spread;
  /** Bytes allocated for each pick. */
  readonly bytesPerPick: number;
  /** Microseconds for a change and the pick after it. */
  readonly changeUs: number;
  /** How many values through a `scan` a change takes as long as. */
  readonly changeRatio: Spread;
}

interface Spread {
  readonly median: number;
  /** The third quartile less the first. */
  readonly spread: number;
}

/** Work that is done so many times. */
type Work = (times: number) => void;

let sink: unknown;

function instances(size: number): ServiceUrl[] {
  return Array.from({ length: size }, (_, index) =>
    ServiceUrl.from({
      protocol: 'dubbo',
      host: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
      port: 20_880,
      path: 'com.acme.Users',
      parameters: { weight: String(50 + (index % 4) * 50), zone: 'eu-1' },
    }),
  );
}

/** Milliseconds for one, of as many as fit into a round. */
function time(work: Work): number {
  let times = 1;
  for (;;) {
    const began = performance.now();
    work(times);
    const took = performance.now() - began;
    if (took >= ROUND_MS / 2) return took / times;
    times = Math.ceil(times * Math.min(100, (1.2 * ROUND_MS) / Math.max(took, 0.01)));
  }
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return { median: at(0.5), spread: at(0.75) - at(0.25) };
}

/** Two kinds of work in turn, so that what slows the machine down slows both down. */
function paired(work: Work, bare: Work): { readonly ms: number; readonly ratio: Spread } {
  time(bare);
  time(work);
  const took: number[] = [];
  const ratios: number[] = [];
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    const bareMs = time(bare);
    const workMs = time(work);
    took.push(workMs);
    ratios.push(workMs / bareMs);
  }
  return { ms: spreadOf(took).median, ratio: spreadOf(ratios) };
}

/** The least of several tries: a collection in between makes one too small or too large. */
function bytesPer(work: Work): number {
  const times = 20_000;
  const tries = Array.from({ length: 7 }, () => {
    const before = process.memoryUsage().heapUsed;
    work(times);
    return (process.memoryUsage().heapUsed - before) / times;
  });
  return Math.max(0, Math.round(Math.min(...tries.filter((bytes) => bytes >= 0))));
}

function measure(balancer: string, toPicker: OperatorFunction<InstanceSet, Picker>, size: number): Figure {
  const all = instances(size);
  const ledger = new InstanceLedger();
  ledger.write(all.map((each) => [instanceKey(each), each]));
  const sets = new Subject<InstanceSet>();
  let picker!: Picker;
  const following = sets.pipe(toPicker).subscribe((each) => (picker = each));
  sets.next(ledger.set);

  const keys = Array.from({ length: 4_096 }, (_, index) => `user-${index}`);
  let turn = 0;
  const picks: Work = (times) => {
    for (let pick = 0; pick < times; pick++) sink = picker.pick(keys[(turn = (turn + 1) & 4_095)]);
  };
  let next = 0;
  const indexes: Work = (times) => {
    for (let pick = 0; pick < times; pick++) {
      sink = keys[(turn = (turn + 1) & 4_095)];
      sink = all[(next = next + 1 === size ? 0 : next + 1)];
    }
  };

  const versions = [0, 1].map((version) =>
    all.slice(0, 1_000).map((each, index) => {
      const changed = each.with({ parameters: { weight: String(60 + ((index + version) % 4) * 50) } });
      return [instanceKey(each), changed] as const;
    }),
  );
  let change = 0;
  const changes: Work = (times) => {
    for (let count = 0; count < times; count++) {
      change += 1;
      const several = versions[Math.floor(change / versions[0]!.length) & 1]!;
      ledger.write([several[change % several.length]!]);
      sets.next(ledger.set);
      sink = picker.pick(keys[change & 4_095]);
    }
  };
  const values = new Subject<number>();
  const scanning = values.pipe(scan((sum, value) => sum + value, 0)).subscribe((sum) => (sink = sum));
  const scans: Work = (times) => {
    for (let count = 0; count < times; count++) values.next(count);
  };

  const pick = paired(picks, indexes);
  const bytesPerPick = bytesPer(picks);
  const changed = paired(changes, scans);
  following.unsubscribe();
  scanning.unsubscribe();
  return {
    balancer,
    instances: size,
    picksPerSecond: Math.round(1_000 / pick.ms),
    pickRatio: pick.ratio,
    bytesPerPick,
    changeUs: changed.ms * 1_000,
    changeRatio: changed.ratio,
  };
}

const shown = ({ median, spread }: Spread): string => `${median.toFixed(1)} ± ${(spread / 2).toFixed(1)}`;

function main(args: readonly string[]): void {
  const asJson = args.includes('--json');
  const only = args.includes('--only') ? args[args.indexOf('--only') + 1] : undefined;
  const chosen = PICKERS.filter(([name]) => only === undefined || name === only);
  if (chosen.length === 0) {
    throw new Error(`--only takes one of: ${PICKERS.map(([name]) => name).join(', ')}`);
  }
  if (!asJson) {
    console.log('                           instances    picks/s  index = 1  bytes  change, µs   scan = 1');
  }
  const figures: Figure[] = [];
  for (const [name, factory] of chosen) {
    for (const size of SIZES) {
      const figure = measure(name, factory, size);
      figures.push(figure);
      if (asJson) continue;
      const row = [
        name.padEnd(26),
        size.toLocaleString('en').padStart(9),
        figure.picksPerSecond.toLocaleString('en').padStart(11),
        shown(figure.pickRatio).padStart(12),
        String(figure.bytesPerPick).padStart(5),
        figure.changeUs.toFixed(2).padStart(10),
        shown(figure.changeRatio).padStart(14),
      ];
      console.log(row.join(' '));
    }
  }
  if (asJson) console.log(JSON.stringify({ node: process.version, figures }, undefined, 2));
  if (sink === main) throw new Error('never: keeps what was picked from being optimised away');
}

main(process.argv.slice(2));

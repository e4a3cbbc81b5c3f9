import { type OperatorFunction, pipe, scan, Subject } from 'rxjs';
import type { InstanceSet } from '../../lib/instances/index.js';
import type { Picker } from '../../lib/operators/index.js';
import { alternating, sink, type Work } from '../harness/alternating.js';
import { built } from '../harness/built.js';
import { type Figure, type Row, rowsOf } from '../harness/figure.js';
import { fleetOf, reweighted } from '../harness/fleet.js';

/** Each balancer, and a pipeline with everything that most people want before one. */
export const picks: Figure = {
  name: 'picks',
  what: 'a pick, against an array index that goes round; and a change of one instance with the pick after it, against one value through a bare scan',
  backends: [],
  async measure(stage) {
    const rows: Row[] = [];
    const all = Object.entries(await pickers());
    for (const [name, make] of stage.quick ? [all[0]!, all.at(-1)!] : all) {
      for (const size of stage.quick ? [1_000] : [10, 1_000, 100_000]) {
        rows.push(...(await measureOne(name, make(), size, stage.times(7, 3))));
      }
      stage.progress(name);
    }
    return rows;
  },
};

type ToPicker = () => OperatorFunction<InstanceSet, Picker>;

async function pickers(): Promise<Record<string, ToPicker>> {
  const operators = await built('operators/index.js');
  const { balance, CallMeter, ejectOutliers, leastLoaded, panic, preferZone, stabilize, sticky, roundRobin } =
    operators;
  const of =
    (make: () => Parameters<typeof balance>[0]): ToPicker =>
    () =>
      balance(make());
  return {
    roundRobin: of(operators.roundRobin),
    smoothWeightedRoundRobin: of(operators.smoothWeightedRoundRobin),
    random: of(operators.random),
    leastLoaded: of(leastLoaded),
    powerOfTwoChoices: of(operators.powerOfTwoChoices),
    shortestResponse: of(operators.shortestResponse),
    consistentHash: of(operators.consistentHash),
    rendezvous: of(operators.rendezvous),
    sticky: of(() => sticky(roundRobin())),
    'whole pipeline': () => {
      const meter = new CallMeter();
      return pipe(
        stabilize({ removeAfterMs: 10_000 }),
        preferZone('eu-1'),
        panic(ejectOutliers(meter.outcomes)),
        balance(leastLoaded(), { meter }),
      );
    },
  };
}

async function measureOne(
  name: string,
  toPicker: OperatorFunction<InstanceSet, Picker>,
  size: number,
  repetitions: number,
): Promise<Row[]> {
  const { instanceKey } = await built('index.js');
  const { InstanceLedger } = await built('instances/index.js');
  const fleet = await fleetOf(size);
  const ledger = new InstanceLedger();
  ledger.write(fleet.map((each) => [instanceKey(each), each]));
  const sets = new Subject<InstanceSet>();
  let picker!: Picker;
  const following = sets.pipe(toPicker).subscribe((next) => (picker = next));
  sets.next(ledger.set);

  const users = Array.from({ length: 4_096 }, (_, index) => `user-${index}`);
  let turn = 0;
  const pick: Work = (times) => {
    for (let time = 0; time < times; time++) sink.last = picker.pick(users[(turn = (turn + 1) & 4_095)]);
  };
  let next = 0;
  const index: Work = (times) => {
    for (let time = 0; time < times; time++) {
      sink.last = users[(turn = (turn + 1) & 4_095)];
      sink.last = fleet[(next = next + 1 === size ? 0 : next + 1)];
    }
  };

  const some = Math.min(size, 1_000);
  const versions = [1, 2].map((version) =>
    fleet.slice(0, some).map((each, number) => {
      const changed = reweighted(each, number, version);
      return [instanceKey(changed), changed] as const;
    }),
  );
  let changes = 0;
  const change: Work = (times) => {
    for (let time = 0; time < times; time++) {
      changes += 1;
      ledger.write([versions[Math.floor(changes / some) & 1]![changes % some]!]);
      sets.next(ledger.set);
      sink.last = picker.pick(users[changes & 4_095]);
    }
  };
  const values = new Subject<number>();
  const scanning = values.pipe(scan((sum, value) => sum + value, 0)).subscribe((sum) => (sink.last = sum));
  const scanned: Work = (times) => {
    for (let time = 0; time < times; time++) values.next(time);
  };

  const of = { figure: 'picks', at: `${name}, ${size.toLocaleString('en')}` };
  const rows = [
    ...rowsOf({ ...of, against: 'an array index' }, { ns: ['a pick', 'ns'] }, alternating(pick, index, repetitions)),
    ...rowsOf(
      { ...of, against: 'a value through scan' },
      { ns: ['a change and a pick', 'ns'] },
      alternating(change, scanned, repetitions),
    ),
  ];
  following.unsubscribe();
  scanning.unsubscribe();
  return rows;
}

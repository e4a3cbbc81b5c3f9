import { Subject } from 'rxjs';
import type { ServiceEvent } from '../../lib/index.js';
import type { Picker } from '../../lib/operators/index.js';
import { alternating, sink, type Work } from '../harness/alternating.js';
import { built } from '../harness/built.js';
import { type Figure, type Row } from '../harness/figure.js';
import { fleetOf, reweighted } from '../harness/fleet.js';

/** From events to picks, without a registry. */
export const pipeline: Figure = {
  name: 'pipeline',
  what: 'events in a second through toInstances, balance(roundRobin()) and a pick after each, against a map and an array that are kept by hand',
  backends: [],
  async measure(stage) {
    const rows: Row[] = [];
    for (const size of [10, 1_000, 100_000]) {
      const { works, end } = await prepare(size);
      const { ns } = alternating(works.events, works.byHand, stage.times(15, 7));
      end();
      stage.progress(size.toLocaleString('en'));
      const perSecond = (nanoseconds: number): number => 1e9 / nanoseconds;
      const { ours, bare, ratio } = ns!;
      const asRate = ({ median, spread }: typeof ours) => ({
        median: perSecond(median),
        spread: (perSecond(median) * spread) / median,
      });
      rows.push({
        figure: 'pipeline',
        at: `among ${size.toLocaleString('en')}`,
        metric: 'events a second',
        unit: '',
        ours: asRate(ours),
        bare: asRate(bare),
        ratio: { median: 1 / ratio.median, spread: ratio.spread / ratio.median ** 2 },
        against: 'a map and an array',
      });
    }
    return rows;
  },
};

async function prepare(size: number) {
  const { instanceKey } = await built('index.js');
  const { balance, roundRobin, toInstances } = await built('operators/index.js');
  const fleet = await fleetOf(size);
  const keys = fleet.map(instanceKey);
  const some = Math.min(size, 1_000);
  const versions = [0, 1].map((version) => fleet.slice(0, some).map((each, index) => reweighted(each, index, version)));
  const at = (change: number) => versions[Math.floor(change / some) & 1]![change % some]!;

  const source = new Subject<ServiceEvent>();
  let picker: Picker | undefined;
  const following = source.pipe(toInstances(), balance(roundRobin())).subscribe((next) => (picker = next));
  fleet.forEach((service, index) => source.next({ type: 'add', key: keys[index]!, service }));
  const present = [...fleet];
  let change = 0;
  const events: Work = (times) => {
    for (let time = 0; time < times; time++) {
      const index = change % some;
      const service = at((change += 1) - 1);
      source.next({ type: 'update', key: keys[index]!, service, previous: present[index]! });
      present[index] = service;
      sink.last = picker!.pick();
    }
  };

  const map = new Map(fleet.map((service, index) => [keys[index]!, { service, index }]));
  const array = [...fleet];
  let handChange = 0;
  let turn = 0;
  const byHand: Work = (times) => {
    for (let time = 0; time < times; time++) {
      const service = at(handChange);
      const entry = map.get(keys[handChange++ % some]!)!;
      map.set(keys[entry.index]!, { service, index: entry.index });
      array[entry.index] = service;
      sink.last = array[(turn = turn + 1 === size ? 0 : turn + 1)];
    }
  };
  return { works: { events, byHand }, end: () => following.unsubscribe() };
}

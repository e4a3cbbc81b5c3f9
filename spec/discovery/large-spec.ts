import { of, Subject } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { Discovery } from '../../lib/discovery/index.js';
import { encodeComponent, toQuery } from '../../lib/dubbo/index.js';
import type { DirectoryChange } from '../../lib/index.js';
import { toEvents } from '../../lib/operators/index.js';
import { sessionOn } from './sessionOn.js';
import { VirtualTime } from '../support/virtual/virtualTime.js';

const COUNT = 10_000;
const QUERY = toQuery({ interface: 'x.Y', version: '*' });

const nameOf = (host: number, weight = 1): string =>
  encodeComponent(`dubbo://h${host}:1/x.Y?category=providers&interface=x.Y&timestamp=${weight}&weight=${weight}`);
const names = (from: number, to: number, weight = 1): string[] =>
  Array.from({ length: to - from }, (_, index) => nameOf(from + index, weight));

describe('a directory that is too large for one turn of the event loop', () => {
  let time: VirtualTime;
  let changes: Subject<DirectoryChange>;
  let discovery: Discovery;
  beforeEach(() => {
    time = new VirtualTime();
    changes = new Subject();
    const session = sessionOn(() => changes);
    discovery = new Discovery('/dubbo', of({ status: 'connected', session }), {
      scheduler: time.scheduler,
      onUnreadable: () => expect.fail(),
      onRefused: () => expect.fail(),
    });
  });

  const sizesOf = (query = QUERY): number[] => {
    const sizes: number[] = [];
    discovery.sets(query).subscribe((set) => sizes.push(set.size));
    return sizes;
  };

  it('is told once it is read whole', () => {
    const sizes = sizesOf();
    changes.next({ type: 'snapshot', names: names(0, COUNT) });
    expect(sizes).toEqual([]);
    time.pass(1);
    expect(sizes).toEqual([COUNT]);
  });

  it('is told whole also to one who comes while it is read, and after', () => {
    const first = sizesOf();
    const meanwhile: number[][] = [];
    changes.next({ type: 'snapshot', names: names(0, COUNT) });
    const comeBetweenSlices = (times: number): void => {
      meanwhile.push(sizesOf(), sizesOf(QUERY.with({ parameters: { another: String(times) } })));
      if (times > 0) time.scheduler.schedule(() => comeBetweenSlices(times - 1));
    };
    comeBetweenSlices(5);
    time.pass(1);
    const late = sizesOf();
    time.pass(1);
    for (const sizes of [first, late, ...meanwhile]) expect(sizes).toEqual([COUNT]);
  });

  it('has what comes meanwhile told after it', () => {
    const sizes = sizesOf();
    changes.next({ type: 'snapshot', names: names(0, COUNT) });
    changes.next({ type: 'delta', added: names(COUNT, COUNT + 1), removed: [] });
    changes.next({ type: 'delta', added: [], removed: names(0, 3) });
    time.pass(1);
    expect(sizes).toEqual([COUNT, COUNT + 1, COUNT - 2]);
  });

  it('no flap: a snapshot in which every node is another one of the same instance is told as updates', () => {
    const events: string[] = [];
    discovery
      .sets(QUERY)
      .pipe(toEvents())
      .subscribe(({ type }) => events.push(type));
    changes.next({ type: 'snapshot', names: names(0, COUNT) });
    time.pass(1);
    expect(events).toEqual(Array.from({ length: COUNT }, () => 'add'));
    events.length = 0;
    changes.next({ type: 'snapshot', names: names(0, COUNT, 2) });
    expect(events).toEqual([]);
    time.pass(1);
    expect(events).toEqual(Array.from({ length: COUNT }, () => 'update'));
  });

  it('is told as gone at once', () => {
    const sizes = sizesOf();
    changes.next({ type: 'snapshot', names: names(0, COUNT) });
    time.pass(1);
    changes.next({ type: 'snapshot', names: [] });
    time.pass(1);
    expect(sizes).toEqual([COUNT, 0]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstanceView } from '../../lib/overview/index.js';
import {
  ageOf,
  fragmentOf,
  hueOf,
  isFound,
  MARK_MS,
  PageModel,
  pointsOf,
  stretchesOf,
  type View,
  viewOf,
} from '../../lib/dashboard/page/model.js';

const instance = (address: string, weight = 100, category = 'providers'): InstanceView => ({
  ...{ key: `${category}/${address}`, service: 'a.B', category, protocol: 'tri', address, weight },
});

describe('the model of the page', () => {
  it('sorts addresses by their numbers, providers first', () => {
    const model = new PageModel();
    const addresses = ['10.0.0.10:1', '10.0.0.9:1', '10.0.0.9:20', 'b:1', 'a:1'];
    const instances = [instance('1.1.1.1', 1, 'consumers'), ...addresses.map((address) => instance(address))];
    model.apply({ now: 0, all: true, instances }, 0);
    expect(model.rows.map(({ view }) => view.address)).toEqual([
      ...['10.0.0.9:1', '10.0.0.9:20', '10.0.0.10:1', 'a:1', 'b:1', '1.1.1.1'],
    ]);
  });

  it('marks what comes, changes and goes, and forgets what has gone after a while', () => {
    const model = new PageModel();
    model.apply({ now: 0, all: true, instances: [instance('a'), instance('b')] }, 0);
    expect(model.rows.map(({ mark }) => mark)).toEqual([undefined, undefined]);
    model.apply({ now: 5, instances: [instance('b', 7), instance('c')], instancesGone: ['providers/a', 'unknown'] }, 5);
    expect(model.rows.map(({ mark }) => mark?.type)).toEqual(['delete', 'update', 'add']);
    expect(model.settle(5 + MARK_MS - 1)).toBe(true);
    expect(model.rows).toHaveLength(3);
    expect(model.settle(5 + MARK_MS)).toBe(false);
    expect(model.rows.map(({ view }) => view.address)).toEqual(['b', 'c']);
  });

  it('takes one that returns while it is marked as gone for one that comes, and keeps it', () => {
    const model = new PageModel();
    model.apply({ now: 0, all: true, instances: [instance('a')] }, 0);
    model.apply({ now: 1, instancesGone: ['providers/a'] }, 1);
    model.apply({ now: 2, instances: [instance('a')] }, 2);
    expect(model.rows[0]!.mark?.type).toBe('add');
    expect(model.settle(10 * MARK_MS)).toBe(false);
    expect(model.rows).toHaveLength(1);
  });

  it('begins anew with a message that tells everything', () => {
    const model = new PageModel();
    const log = [{ at: 1, type: 'add', service: 'a.B', category: 'providers', address: 'a' }] as const;
    model.apply({ now: 0, all: true, title: 't', instances: [instance('a')], log }, 0);
    model.apply({ now: 9, all: true, instances: [instance('b')] }, 4);
    expect(model).toMatchObject({ title: 't', log: [], clockAheadMs: 5 });
    expect(model.rows.map(({ view }) => view.address)).toEqual(['b']);
  });

  it('keeps no more than some of the past', () => {
    const model = new PageModel();
    for (let at = 0; at < 1_000; at++) {
      model.apply(
        { now: at, connection: [{ status: 'connected', at }], warnings: [{ at, code: 'A', message: '' }] },
        at,
      );
    }
    expect(model.connection.length).toBeLessThan(300);
    expect(model.warnings.length).toBeLessThan(300);
    expect(model.connection.at(-1)!.at).toBe(999);
  });
});

describe('the history of the connection', () => {
  it('is stretches of the time that is shown', () => {
    const states = [
      { status: 'connecting', at: 0 },
      { status: 'connected', at: 100 },
      { status: 'lost', at: 900 },
    ];
    expect(stretchesOf(states, 1_000, 10_000).map(({ status, share }) => [status, share])).toEqual([
      ['connecting', 0.1],
      ['connected', 0.8],
      ['lost', 0.1],
    ]);
    expect(stretchesOf(states, 1_000, 200).map(({ status, share }) => [status, share])).toEqual([
      ['connected', 0.5],
      ['lost', 0.5],
    ]);
    expect(stretchesOf([], 1_000, 200)).toEqual([]);
  });
});

describe('what the page shows', () => {
  it('a line through sizes, from edge to edge', () => {
    expect(pointsOf([], 100, 20)).toBe('');
    expect(pointsOf([4], 100, 20)).toBe('0.0,1.5 100.0,1.5');
    expect(pointsOf([0, 10, 5], 100, 20)).toBe('0.0,18.5 50.0,1.5 100.0,10.0');
  });

  it('ages in their largest unit', () => {
    const now = 1_000_000_000;
    expect([0, 59_999, 60_000, 7_200_000, 259_200_000].map((ms) => ageOf(now - ms, now))).toEqual([
      ...['0 s', '59 s', '1 min', '2 h', '3 d'],
    ]);
    expect(ageOf(now + 60_000, now)).toBe('in the future');
    expect(ageOf(undefined, now)).toBe('');
  });

  it('one hue for each zone, never red, and far apart for neighbours', () => {
    const hues = ['eu-1', 'eu-2', 'eu-3', 'us-1', ''].map(hueOf);
    for (const hue of hues) expect(hue >= 40 && hue < 320).toBe(true);
    expect(Math.abs(hueOf('eu-1') - hueOf('eu-2'))).toBeGreaterThan(40);
  });

  it('what has all words of the filter', () => {
    expect(isFound('10.0.0.1 eu-1 users', 'EU users')).toBe(true);
    expect(isFound('10.0.0.1 eu-1 users', 'eu orders')).toBe(false);
    expect(isFound('anything', '')).toBe(true);
  });

  it('a view that its link keeps, whatever the service is called', () => {
    const views: fc.Arbitrary<View> = fc.oneof(
      fc.record({ name: fc.constantFrom('overview' as const, 'map' as const), filter: fc.string() }),
      fc.record({ name: fc.constant('service' as const), service: fc.string({ minLength: 1 }), filter: fc.string() }),
    );
    fc.assert(
      fc.property(views, (view) => {
        expect(viewOf(fragmentOf(view))).toEqual(view);
      }),
    );
    for (const fragment of ['', '#', '#/service/', '#/service/%', '#nonsense']) {
      expect(viewOf(fragment).name).toBe('overview');
    }
  });
});

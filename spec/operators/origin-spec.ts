import { EMPTY, NEVER, type OperatorFunction, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { applyOverrides } from '../../lib/config/index.js';
import { instanceKey, InstanceSet } from '../../lib/index.js';
import {
  coalesce,
  ejectOutliers,
  emptyProtection,
  panic,
  preferZone,
  stabilize,
  subset,
  warmUp,
  where,
} from '../../lib/operators/index.js';
import { fakeInstances } from '../../lib/testing/index.js';
import { VirtualTime } from '../support/virtual/virtualTime.js';

const instances = fakeInstances(4, { zone: ['eu-1'] });
const whole = new InstanceSet(new Map(instances.map((url) => [instanceKey(url), url])));
const time = new VirtualTime();
const { scheduler } = time;

/** Operators that keep all instances of a set. */
const OPERATORS: readonly [string, OperatorFunction<InstanceSet, InstanceSet>][] = [
  ['applyOverrides', applyOverrides({ watch: () => EMPTY }, { scheduler })],
  ['coalesce', coalesce({ auditMs: 1, scheduler })],
  ['ejectOutliers', ejectOutliers(NEVER, { scheduler })],
  ['emptyProtection', emptyProtection({ holdMs: 1_000, scheduler })],
  [
    'panic',
    panic(
      where(() => true),
      { threshold: 0.5 },
    ),
  ],
  ['preferZone', preferZone('eu-1')],
  ['preferZone in proportion', preferZone('eu-1', { mode: 'proportional' })],
  ['stabilize', stabilize({ removeAfterMs: 1_000, scheduler })],
  ['subset', subset({ size: 4, by: 'me' })],
  ['warmUp', warmUp({ scheduler })],
  ['where', where(() => true)],
];

describe('the origin of a set', () => {
  it.each(OPERATORS)('is passed on by %s, and told anew when the registry has confirmed it', (_, operator) => {
    const source = new Subject<InstanceSet>();
    const told: string[] = [];
    source.pipe(operator).subscribe(({ origin, ageMs, size }) => told.push(`${origin} ${ageMs} ${size}`));
    source.next(whole.withAge(5_000));
    time.pass(10);
    expect(told).toEqual(['kept 5000 4']);
    source.next(whole);
    time.pass(10);
    expect(told).toEqual(['kept 5000 4', 'registry 0 4']);
    source.next(whole);
    time.pass(10);
    expect(told.length).toBe(2);
  });

  it('makes no difference to what the set is', () => {
    const kept = whole.withAge(5_000);
    expect(kept.changesSince(whole)).toEqual([]);
    expect(whole.changesSince(kept)).toEqual([]);
    expect([...kept.keys()]).toEqual([...whole.keys()]);
    expect([...kept]).toEqual([...whole]);
    expect(kept.get([...kept.keys()][0]!)).toBe(instances[0]);
    expect(kept.changesSince(new InstanceSet()).length).toBe(4);
    expect(kept.withAge(undefined)).toBe(whole);
    expect([whole.origin, whole.ageMs]).toEqual(['registry', 0]);
  });
});

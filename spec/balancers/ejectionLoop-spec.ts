import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { balance, CallMeter, type Picker, roundRobin } from '../../lib/balancers/index.js';
import type { InstanceSet } from '../../lib/instances/index.js';
import { ejectOutliers } from '../../lib/operators/index.js';
import { VirtualTime } from '../support/virtual/index.js';
import { setOf } from './sets.js';
import { IN_ORDER } from '../support/inOrder.js';

describe('a meter that an ejector listens to', () => {
  it('closes the loop: who fails is spared the next calls, and tried again later', async () => {
    const time = new VirtualTime();
    const { scheduler } = time;
    const meter = new CallMeter({ scheduler });
    const sets = new Subject<InstanceSet>();
    let picker!: Picker;
    const rules = { consecutiveFailures: 2, baseEjectionMs: 1_000, maxEjectedShare: 0.5, scheduler };
    sets
      .pipe(ejectOutliers(meter.outcomes, rules), balance(roundRobin(IN_ORDER), { meter, scheduler }))
      .subscribe((each) => (picker = each));
    sets.next(setOf('a', 'b', 'c'));
    time.pass(0);

    const calls: string[] = [];
    const call = () =>
      picker
        .run(({ host }) => {
          calls.push(host);
          if (host === 'b') throw new Error('down');
        })
        .catch(() => undefined);
    for (let count = 0; count < 6; count++) await call();
    expect(calls.filter((host) => host === 'b').length).toBe(2);
    time.pass(0);
    expect(picker.size).toBe(2);

    calls.length = 0;
    for (let count = 0; count < 10; count++) await call();
    expect(calls).not.toContain('b');
    time.pass(1_000);
    for (let count = 0; count < 3; count++) await call();
    expect(calls).toContain('b');
  });
});

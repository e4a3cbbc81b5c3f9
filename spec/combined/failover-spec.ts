import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failover, type FailoverInput } from '../../lib/combined/failover.js';
import { instanceKey, ServiceUrl } from '../../lib/dubbo/index.js';
import { InstanceSet } from '../../lib/instances/index.js';

const STABLE_MS = 100;

function setOf(hosts: string): InstanceSet {
  const urls = [...hosts].map((host, index) => ServiceUrl.parse(`dubbo://${host}:1/x.Y?timestamp=${index + 1}`));
  return new InstanceSet(new Map(urls.map((url) => [instanceKey(url), url])));
}

const knows = (part: number, hosts: string): FailoverInput => ({ type: 'set', part, set: setOf(hosts) });
const down = (part: number, isDown = true): FailoverInput => ({ type: 'down', part, isDown });

/** A failover of so many parts, as texts. */
function stage(parts: number, treatEmptyAsDown = false) {
  const failover = new Failover(parts, { stableMs: STABLE_MS, treatEmptyAsDown });
  const hosts = (): string =>
    failover.set
      .toArray()
      .map(({ host }) => host)
      .sort()
      .join('');
  return {
    failover,
    hosts,
    take: (input: FailoverInput, nowMs = 0): string | undefined => (failover.take(input, nowMs) ? hosts() : undefined),
    wake: (nowMs: number): string | undefined => (failover.wake(nowMs) ? hosts() : undefined),
  };
}

describe('failover', () => {
  it('takes the first that is known, and goes back to an earlier one that has been good for long enough', () => {
    const { failover, take, wake } = stage(2);
    expect(take(knows(1, 'ab'))).toBe('ab');
    expect(take(knows(0, 'a'), 10)).toBeUndefined();
    expect(failover.dueMs).toBe(10 + STABLE_MS);
    expect(wake(10 + STABLE_MS)).toBe('a');
    expect(failover.dueMs).toBeUndefined();
  });

  it('stays where it is until that is down, and waits anew when the earlier one fails again', () => {
    const { failover, take, wake } = stage(3);
    take(knows(0, 'a'));
    expect(take(knows(2, 'c'))).toBeUndefined();
    expect(take(down(0), 5)).toBe('c');
    expect(take(knows(1, 'b'), 6)).toBeUndefined();
    take(down(0, false), 10);
    take(down(0), 50);
    take(down(0, false), 60);
    expect(failover.dueMs).toBe(6 + STABLE_MS);
    expect(wake(6 + STABLE_MS)).toBe('b');
    expect(wake(60 + STABLE_MS)).toBe('a');
  });

  it('tells what one knows that is down only when no other one may answer', () => {
    const { take } = stage(2);
    expect(take(down(0))).toBeUndefined();
    expect(take(knows(0, 'a'))).toBeUndefined();
    expect(take(knows(1, 'b'))).toBe('b');
    const other = stage(2);
    other.take(down(0));
    other.take(knows(0, 'a'));
    expect(other.take(down(1))).toBe('a');
  });

  it('keeps what it told when all are down, and believes that the last one has gone', () => {
    const { take, hosts } = stage(2);
    take(knows(0, 'ab'));
    expect(take(down(0))).toBeUndefined();
    expect(take(down(1))).toBeUndefined();
    expect(hosts()).toBe('ab');
    take(down(0, false));
    expect(take(knows(0, ''))).toBe('');
  });

  it('takes an empty one for down only if it is told to', () => {
    const { take } = stage(2, true);
    take(knows(0, 'a'));
    take(knows(1, 'b'));
    expect(take(knows(0, ''))).toBe('b');
    expect(take(knows(1, ''))).toBe('');
  });

  it('never tells another set than that of the part that is active, nor leaves a good part for a later one', () => {
    const input = fc.oneof(
      fc.record({ part: fc.nat(2), hosts: fc.subarray(['a', 'b', 'c']).map((hosts) => hosts.join('')) }),
      fc.record({ part: fc.nat(2), isDown: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.nat(60)), { maxLength: 40 }), (history) => {
        const { failover, hosts, take, wake } = stage(3);
        const known: (string | undefined)[] = [undefined, undefined, undefined];
        const isDown = [false, false, false];
        let now = 0;
        for (const [each, wait] of history) {
          const before = failover.active;
          if ('hosts' in each) known[each.part] = each.hosts;
          else isDown[each.part] = each.isDown;
          take('hosts' in each ? knows(each.part, each.hosts) : down(each.part, each.isDown), now);
          const { active } = failover;
          if (active === undefined) {
            expect(known.every((set, part) => set === undefined || isDown[part])).toBe(true);
          } else {
            expect(hosts()).toBe(known[active]);
            if (before !== undefined && active > before) expect(isDown[before]).toBe(true);
          }
          now += wait;
          if (failover.dueMs !== undefined && failover.dueMs <= now) wake(now);
        }
      }),
    );
  });
});

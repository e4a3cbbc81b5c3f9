import { BehaviorSubject, firstValueFrom, lastValueFrom, mergeMap, of, repeat, retry, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  type Avoid,
  balance,
  type BalancerFactory,
  type Picker,
  rendezvous,
  roundRobin,
} from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { VirtualTime } from '../support/virtual/index.js';
import { everyBalancer } from './everyBalancer.js';
import { keyOf, setOf } from './sets.js';
import { instance } from './stage.js';
import { seeded } from './statistics.js';
import { IN_ORDER } from '../support/inOrder.js';

const BALANCERS = everyBalancer(seeded(41));

function stage(factory: BalancerFactory, ...names: string[]) {
  const time = new VirtualTime();
  let picker!: Picker;
  const sets = new BehaviorSubject(setOf(...names));
  sets.pipe(balance(factory, { scheduler: time.scheduler })).subscribe((each) => (picker = each));
  return { time, picker, sets };
}

describe.each(BALANCERS)('a call through %s that is tried again', (_, factory) => {
  // The reports: of 240 calls with one of three that refuses, all retries by key went to where they had failed.
  it.each([1, 6])(
    '(twitter/finagle #585, spring-cloud-commons #834) goes to none that it was on, %i at a time',
    async (concurrency) => {
      const { time, picker } = stage(factory, 'a', 'b', 'c');
      let failed = 0;
      let retries = 0;
      const call = (key: string) => {
        const tried: string[] = [];
        return picker
          .use(key, ({ host }) => {
            expect(tried).not.toContain(host);
            if (tried.length > 0) retries += 1;
            tried.push(host);
            return timer(1, time.scheduler).pipe(
              mergeMap(() => (host === 'a' ? throwError(() => new Error('503')) : of(host))),
            );
          })
          .pipe(retry(2));
      };
      for (let index = 0; index < 240; index += concurrency) {
        for (let each = 0; each < concurrency; each++) {
          call(`user-${index + each}`).subscribe({ error: () => (failed += 1) });
        }
        time.pass(10);
      }
      expect(failed).toBe(0);
      expect(retries).toBeGreaterThan(0);
    },
  );

  it('goes round once it was on all, but never to where it has just failed', async () => {
    const { picker } = stage(factory, 'a', 'b', 'c');
    const called: string[] = [];
    const refused = picker.use('key', ({ host }) => {
      called.push(host);
      return throwError(() => new Error('503'));
    });
    await lastValueFrom(refused.pipe(retry(20))).catch(() => undefined);
    expect(called).toHaveLength(21);
    expect(new Set(called.slice(0, 3)).size).toBe(3);
    called.slice(1).forEach((host, index) => expect(host).not.toBe(called[index]));
  });

  it('goes to the only one there is', async () => {
    const { picker } = stage(factory, 'a');
    let calls = 0;
    const second = picker.use('key', ({ host }) => (++calls < 3 ? throwError(() => new Error('503')) : of(host)));
    expect(await lastValueFrom(second.pipe(retry(2)))).toBe('a');
  });

  it('avoids whom it is told to avoid, as long as there are others', async () => {
    const { picker } = stage(factory, 'a', 'b', 'c');
    const avoid = [instance('a', 7), keyOf('b')];
    for (let index = 0; index < 20; index++) {
      expect(picker.pick(`user-${index}`, { avoid })?.host).toBe('c');
      expect(await picker.run(`user-${index}`, ({ host }) => host, { avoid })).toBe('c');
    }
    const everybody = [...avoid, keyOf('c')];
    expect(await picker.run('key', ({ host }) => host, { avoid: everybody })).toMatch(/[abc]/);
  });
});

describe('a call that is tried again', () => {
  it('has forgotten where it failed once it succeeded: what comes then is another call', async () => {
    const { picker } = stage(rendezvous(), 'a', 'b', 'c');
    const home = picker.pick('key')!.host;
    const called: string[] = [];
    const use = picker.use('key', ({ host }) => {
      called.push(host);
      return called.length === 1 ? throwError(() => new Error('503')) : of(host);
    });
    await lastValueFrom(use.pipe(retry(1), repeat(3)));
    expect(called[0]).toBe(home);
    expect(called[1]).not.toBe(home);
    expect(called.slice(2)).toEqual([home, home]);
  });

  it('avoids where it was given up before it answered, as for a time limit from outside', () => {
    const { picker, time } = stage(rendezvous(), 'a', 'b');
    const called: string[] = [];
    const use = picker.use('key', ({ host }) => (called.push(host), timer(50, time.scheduler)));
    for (let attempt = 0; attempt < 2; attempt++) {
      const subscription = use.subscribe();
      time.pass(10);
      subscription.unsubscribe();
    }
    expect(new Set(called).size).toBe(2);
  });

  it('does not avoid whom it left with an answer', async () => {
    const { picker } = stage(rendezvous(), 'a', 'b', 'c');
    const called: string[] = [];
    const use = picker.use('key', ({ host }) => (called.push(host), timer(0, 1)));
    await firstValueFrom(use);
    await firstValueFrom(use);
    expect(new Set(called).size).toBe(1);
  });

  it('knows nothing of other calls', async () => {
    const { picker } = stage(rendezvous(), 'a', 'b', 'c');
    const home = picker.pick('key')!.host;
    const refused = picker.use('key', () => throwError(() => new Error('503')));
    await lastValueFrom(refused).catch(() => undefined);
    expect(await picker.run('key', ({ host }) => host)).toBe(home);
  });
});

describe('whom to avoid', () => {
  it('can be one, several, or what a function says', () => {
    const { picker } = stage(roundRobin(IN_ORDER), 'a', 'b', 'c');
    const hosts = (avoid: Avoid | undefined) =>
      [...new Set(Array.from({ length: 6 }, () => picker.pick(undefined, { avoid })!.host))].sort().join('');
    expect(hosts(instance('a'))).toBe('bc');
    expect(hosts(keyOf('a'))).toBe('bc');
    expect(hosts(new Set([keyOf('a'), keyOf('c')]))).toBe('b');
    expect(hosts(({ host }) => host !== 'a')).toBe('a');
    expect(hosts([])).toBe('abc');
    expect(hosts([keyOf('nobody')])).toBe('abc');
    expect(hosts(() => true)).toBe('abc');
    expect(hosts(undefined)).toBe('abc');
  });

  it('counts for more than where the call has failed', async () => {
    const { picker } = stage(roundRobin(IN_ORDER), 'a', 'b', 'c');
    const called: string[] = [];
    const refused = picker.use(
      ({ host }) => {
        called.push(host);
        return throwError(() => new Error('503'));
      },
      { avoid: keyOf('b') },
    );
    await lastValueFrom(refused.pipe(retry(7))).catch(() => undefined);
    expect(called).toEqual(['a', 'c', 'a', 'c', 'a', 'c', 'a', 'c']);
  });

  it.each([42, null, [42], [null], {}])('is refused if it is %j', (avoid) => {
    const { picker } = stage(roundRobin(IN_ORDER), 'a');
    const options = { avoid: avoid as unknown as Avoid };
    expect(() => picker.use(() => of(1), options)).toThrow(InvalidOptionError);
    expect(() => picker.pick('key', options)).toThrow(InvalidOptionError);
  });

  it.each(BALANCERS)('can be a function that throws: the call errors, and %s is none the worse', (_, factory) => {
    const { picker } = stage(factory, 'a', 'b', 'c');
    const fault = new Error('mine');
    const avoid = ({ host }: { readonly host: string }): boolean => {
      if (host === 'b') throw fault;
      return true;
    };
    const errors: unknown[] = [];
    picker.use('key', () => of(1), { avoid }).subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toEqual([fault]);
    expect(() => picker.pick('key', { avoid })).toThrow(fault);
    const hosts = new Set(Array.from({ length: 60 }, (_each, index) => picker.pick(`key-${index}`)!.host));
    expect([...hosts].sort()).toEqual(['a', 'b', 'c']);
  });

  it('is heeded though a balancer of one’s own takes no notice', () => {
    const eldest: BalancerFactory = () => {
      const candidates = new Set<Parameters<ReturnType<BalancerFactory>['add']>[0]>();
      return {
        add: (candidate) => candidates.add(candidate),
        remove: (candidate) => candidates.delete(candidate),
        pick: () => candidates.values().next().value,
      };
    };
    const { picker } = stage(eldest, 'a', 'b');
    expect(picker.pick()?.host).toBe('a');
    expect(picker.pick(undefined, { avoid: keyOf('a') })?.host).toBe('b');
    expect(picker.pick(undefined, { avoid: () => true })?.host).toBe('a');
  });
});

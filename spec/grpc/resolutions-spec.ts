import { map, type Observable, of, Subject, throwError } from 'rxjs';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { instanceKey, ServiceUrl } from '../../lib/dubbo/index.js';
import { RegistryError } from '../../lib/errors.js';
import { type Resolution, resolutions, type ResolutionOptions } from '../../lib/grpc/resolutions.js';
import { InstanceSet } from '../../lib/instances/index.js';

const set = (...urls: string[]): InstanceSet =>
  new InstanceSet(
    new Map(urls.map((text) => [text, ServiceUrl.parse(text)] as const).map(([, url]) => [instanceKey(url), url])),
  );
const A = 'tri://10.0.0.1:50051/x.Y';
const B = 'tri://10.0.0.2:50051/x.Y';
const C = 'grpc://10.0.0.3:50051/x.Y';
/** A resolution as the specs write it: of an address only where it is, and its weight if it says one. */
const bare = (resolution: Resolution): unknown =>
  resolution.type === 'unknown'
    ? resolution
    : {
        ...resolution,
        addresses: resolution.addresses.map(({ host, port, instance }) => {
          const weight = instance.parameter('weight');
          return { host, port, ...(weight !== undefined && { weight }) };
        }),
      };
const known = (instances: number, ...hosts: (number | readonly [host: number, weight: string])[]): unknown => ({
  type: 'known',
  addresses: hosts.map((each) =>
    typeof each === 'number'
      ? { host: `10.0.0.${each}`, port: 50051 }
      : { host: `10.0.0.${each[0]}`, port: 50051, weight: each[1] },
  ),
  instances,
});
const unknown = (cause: string): Resolution => ({ type: 'unknown', cause });
const CLOSED = unknown('the registry was closed');

const BROKEN = new Error('broken');

function play(
  body: (
    helpers: RunHelpers,
    resolve: (sets: Observable<InstanceSet>, more?: Partial<ResolutionOptions>) => Observable<unknown>,
  ) => void,
): void {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  scheduler.run((helpers) =>
    body(helpers, (sets, more) =>
      resolutions(sets, {
        protocols: new Set(['tri', 'grpc']),
        startMs: 20,
        backoff: (attempt) => attempt * 5,
        scheduler,
        ...more,
      }).pipe(map(bare)),
    ),
  );
  expect(scheduler.actions).toEqual([]);
}

describe('resolutions', () => {
  it('are the addresses of each set that has others', () =>
    play(({ cold, expectObservable, expectSubscriptions }, resolve) => {
      const sets = cold('a-b-c-d-e', {
        a: set(A),
        b: set(B, A),
        c: set(A, `${B}?weight=5`),
        d: set(B, C),
        e: set(),
      });
      expectObservable(resolve(sets), '----------!').toBe('a-b-c-d-e', {
        a: known(1, 1),
        b: known(2, 1, 2), // who stays keeps the place
        c: known(2, 1, [2, '5']),
        d: known(2, 2, 3),
        e: known(0),
      });
      expectSubscriptions(sets.subscriptions).toBe('^---------!');
    }));

  it('leave out those of weight 0 as long as there are others', () =>
    play(({ cold, expectObservable }, resolve) => {
      const idle = [`${A}?weight=0`, `${B}?weight=0`] as const;
      const sets = cold('a-b-c-d-e', {
        a: set(A, B),
        b: set(idle[0], B),
        c: set(...idle),
        d: set(...idle, C),
        e: set(idle[0]),
      });
      expectObservable(resolve(sets), '---------!').toBe('a-b-c-d-e', {
        a: known(2, 1, 2),
        b: known(2, 2),
        c: known(2, [2, '0'], [1, '0']),
        d: known(3, 3),
        e: known(1, [1, '0']),
      });
    }));

  it('tell nothing where nothing has changed', () =>
    play(({ cold, expectObservable }, resolve) => {
      const sets = cold('a-b', { a: set(A, B), b: set(B, A) });
      expectObservable(resolve(sets), '----!').toBe('a', { a: known(2, 1, 2) });
    }));

  it('leave out who speaks something else, or has no port, and count an address once', () =>
    play(({ cold, expectObservable }, resolve) => {
      const sets = cold('a', {
        a: set(A, 'dubbo://10.0.0.4:20880/x.Y', 'tri://10.0.0.5/x.Y', 'grpc://10.0.0.1:50051/x.Y', `${A}?version=2`),
      });
      expectObservable(resolve(sets), '-!').toBe('a', { a: known(5, 1) });
    }));

  it('tell how many there are that cannot be called where nobody can', () =>
    play(({ cold, expectObservable }, resolve) => {
      const dubbo = 'dubbo://10.0.0.4:20880/x.Y';
      const sets = cold('a-b-c-d', { a: set(), b: set(dubbo), c: set(`${dubbo}?weight=5`), d: set(dubbo, A) });
      expectObservable(resolve(sets), '-------!').toBe('a-b---d', { a: known(0), b: known(1), d: known(2, 1) });
    }));

  it('write IPv6 hosts as sockets take them', () =>
    play(({ cold, expectObservable }, resolve) => {
      const sets = cold('a', { a: set('tri://[fe80::1]:1/x.Y') });
      const a = { type: 'known', addresses: [{ host: 'fe80::1', port: 1 }], instances: 1 };
      expectObservable(resolve(sets), '-!').toBe('a', { a });
    }));

  it('say when the registry does not, and go on to wait', () =>
    play(({ cold, expectObservable }, resolve) => {
      const sets = cold('30ms a', { a: set(A) });
      expectObservable(resolve(sets), '35ms !').toBe('20ms u 9ms a', {
        u: unknown('the registry did not answer within 20 ms'),
        a: known(1, 1),
      });
    }));

  it('do not say so once it has', () =>
    play(({ cold, expectObservable }, resolve) => {
      expectObservable(resolve(cold('19ms a', { a: set() })), '50ms !').toBe('19ms a', { a: known(0) });
    }));

  it('tell failures, and try again later each time', () =>
    play(({ cold, expectObservable, expectSubscriptions }, resolve) => {
      const sets = cold<InstanceSet>('--#', {}, BROKEN);
      expectObservable(resolve(sets), '25ms !').toBe('--u 6ms u 11ms u', { u: unknown('broken') });
      expectSubscriptions(sets.subscriptions).toBe(['^-!', '-------^-!', '---------- 9ms ^-!']);
    }));

  it('wait no longer than at first after a success', () =>
    play(({ cold, expectObservable, expectSubscriptions }, resolve) => {
      const sets = cold('a-#', { a: set(A) }, BROKEN);
      expectObservable(resolve(sets), '15ms !').toBe('a-u 4ms a-u 4ms a', { a: known(1, 1), u: unknown('broken') });
      expectSubscriptions(sets.subscriptions).toBe(['^-!', '7ms ^-!', '14ms ^!']);
    }));

  it('end with the registry, and say so', () =>
    play(({ cold, expectObservable }, resolve) => {
      expectObservable(resolve(cold('a--|', { a: set(A) }))).toBe('a--(u|)', { a: known(1, 1), u: CLOSED });
      expectObservable(resolve(cold<InstanceSet>('---|'))).toBe('---(u|)', { u: CLOSED });
      const closed = new RegistryError('CLOSED', 'The registry is closed.');
      expectObservable(resolve(throwError(() => closed))).toBe('(u|)', { u: unknown('The registry is closed.') });
    }));

  it('unsubscribed from, leave nothing behind', () =>
    play(({ cold, expectObservable, expectSubscriptions }, resolve) => {
      const silent = cold<InstanceSet>('-');
      expectObservable(resolve(silent), '---!').toBe('');
      expectSubscriptions(silent.subscriptions).toBe('^--!');
      expectObservable(resolve(throwError(() => BROKEN)), '---!').toBe('u', { u: unknown('broken') });
    }));

  it('bear a source that answers while it is being asked, and one that is told of them', () => {
    const told: unknown[] = [];
    const sets = new Subject<InstanceSet>();
    const options = { protocols: new Set(['tri']), startMs: 1_000, backoff: () => 1 };
    resolutions(of(set(A)), options).subscribe((resolution) => told.push(bare(resolution)));
    expect(told).toEqual([known(1, 1), CLOSED]);
    const nested: unknown[] = [];
    const subscription = resolutions(sets, options).subscribe((resolution) => {
      nested.push(bare(resolution));
      if (nested.length === 1) sets.next(set(A, B));
    });
    sets.next(set(A));
    expect(nested).toEqual([known(1, 1), known(2, 1, 2)]);
    subscription.unsubscribe();
    expect(sets.observed).toBe(false);
  });
});

import fc from 'fast-check';
import { of } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { matches, ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError, InvalidUrlError } from '../../lib/errors.js';
import { InstanceSet } from '../../lib/instances/index.js';
import { type InstancePredicate, type InstanceQuery, where } from '../../lib/operators/index.js';
import { keepsTheContract } from './support/contract.js';
import { distinct, histories, play } from './support/history.js';
import { marbles, through } from './support/marbles.js';
import { keyOf } from './support/sets.js';

const isUpper = (instance: ServiceUrl): boolean => instance.parameter('weight') === '200';

/** Whether a query keeps a service with these parameters. */
function keeps(query: string | ServiceUrl | InstanceQuery, parameters: string): boolean {
  const service = ServiceUrl.parse(`dubbo://h:1/x.Y?${parameters}`);
  let size: number | undefined;
  of(new InstanceSet(new Map([['k', service]])))
    .pipe(where(query))
    .subscribe((kept) => (size = kept.size));
  return size === 1;
}

describe('where', () => {
  keepsTheContract(() => where(() => true));

  it('keeps what a predicate asks for, and tells only what that changes', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-b-c-d-e-f-|', { a: 'A', b: 'Ab', c: 'AB', d: 'ABc', e: 'Bc', f: 'bc' });
      const expected = '   -a---c---e-f-|';
      expectObservable(through(source, where(isUpper))).toBe(expected, { a: 'A', c: 'AB', e: 'B', f: '.' });
      expectSubscriptions(source.subscriptions).toBe('^------------!');
    }));

  it('tells a first set of which nothing is left', () =>
    marbles(({ cold, expectObservable }) => {
      expectObservable(through(cold('a-b-|', { a: 'a', b: 'aB' }), where(isUpper))).toBe('.-b-|', { '.': '.', b: 'B' });
    }));

  it('asks once for each that comes or changes, with its key', () =>
    marbles(({ cold, flush }) => {
      const asked = vi.fn<InstancePredicate>(isUpper);
      through(cold('a-b-c', { a: 'ab', b: 'abC', c: 'bC' }), where(asked)).subscribe();
      flush();
      expect(asked.mock.calls.map(([, key]) => key)).toEqual([keyOf('a'), keyOf('b'), keyOf('c')]);
    }));

  it('errors with what the predicate throws', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-b-', { a: 'a', b: 'aB' });
      const strict = where((instance) => {
        if (isUpper(instance)) throw new Error('no');
        return true;
      });
      expectObservable(through(source, strict)).toBe('-a-#', undefined, new Error('no'));
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }));

  it.each<[InstanceQuery, string, boolean]>([
    [{}, 'version=1&group=g&enabled=false', true],
    [{}, 'category=routers&classifier=c', true],
    [{ version: '1' }, 'version=1&group=g', true],
    [{ version: '1' }, 'version=2', false],
    [{ version: '1' }, 'group=g', false],
    [{ version: '1,2' }, 'version=2', true],
    [{ version: undefined }, 'version=2', true],
    [{ group: 'a,b' }, 'group=b&version=9', true],
    [{ group: 'a,b' }, 'group=c', false],
    [{ group: '*' }, 'group=c', true],
    [{ interface: 'x.Y' }, 'version=1', true],
    [{ interface: 'x.Z' }, 'version=1', false],
    [{ enabled: '' }, 'enabled=false', false],
    [{ category: 'providers' }, 'a=b', true],
    [{ category: 'routers' }, 'a=b', false],
    [{ classifier: 'c' }, 'classifier=c', true],
    [{ classifier: 'c' }, 'classifier=d', false],
    [{ tag: 'gray' }, 'dubbo.tag=gray', true],
    [{ tag: 'gray' }, 'dubbo.tag=blue', false],
    [{ tag: 'gray' }, 'tag=gray', false],
    [{ tag: 'gray, blue' }, 'dubbo.tag=blue', true],
    [{ tag: '*' }, 'dubbo.tag=blue', true],
    [{ tag: '*' }, 'a=b', false],
    [{ tag: '' }, 'a=b', true],
    [{ tag: '' }, 'dubbo.tag=', true],
    [{ tag: '' }, 'dubbo.tag=gray', false],
    [{ tag: 'gray,' }, 'a=b', true],
    [{ tag: 'gray', version: '2' }, 'dubbo.tag=gray&version=1', false],
    [{ parameters: { rack: 'r1', disk: '*' } }, 'rack=r1&disk=ssd', true],
    [{ parameters: { rack: 'r1', disk: '*' } }, 'rack=r1', false],
    [{ parameters: { rack: '' } }, 'rack=r1', false],
    [{ parameters: {} }, 'rack=r1', true],
  ])('%j keeps ?%s: %s', (query, parameters, expected) => {
    expect(keeps(query, parameters)).toBe(expected);
  });

  it('asks a consumer URL as Dubbo does', () => {
    const parameters = ['a=b', 'version=1', 'group=g', 'version=1&group=g', 'enabled=false', 'version=1&enabled=false'];
    for (const query of ['a=b', 'version=1', 'group=*&version=*', 'version=*&enabled=*']) {
      const consumer = ServiceUrl.parse(`consumer://0.0.0.0/x.Y?${query}`);
      for (const provided of parameters) {
        const expected = matches(consumer, ServiceUrl.parse(`dubbo://h:1/x.Y?${provided}`));
        expect(keeps(consumer, provided), `${query} of ${provided}`).toBe(expected);
        expect(keeps(consumer.toString(), provided), `${query} of ${provided}`).toBe(expected);
      }
    }
  });

  it('is a filter of every set', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const told = play(history, () => where(isUpper));
        const filtered = history.map(({ at, text }) => ({ at, text: text.replace(/[a-z]/g, '') || '.' }));
        expect(told).toEqual(distinct(filtered.map(({ at, text }) => ({ at, text: text === '' ? '.' : text }))));
      }),
    );
  });

  it.each([
    [null, InvalidOptionError],
    [42, InvalidOptionError],
    [undefined, InvalidOptionError],
    [{ tag: 1 }, InvalidOptionError],
    [{ tags: 'gray' }, InvalidOptionError],
    [{ version: 1 }, InvalidOptionError],
    [{ parameters: 'a' }, InvalidOptionError],
    [{ parameters: { a: 1 } }, InvalidOptionError],
    ['nonsense', InvalidUrlError],
  ])('refuses %j', (query, error) => {
    expect(() => where(query as InstanceQuery)).toThrow(error);
  });
});

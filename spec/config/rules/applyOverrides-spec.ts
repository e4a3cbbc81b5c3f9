import fc from 'fast-check';
import { BehaviorSubject, concat, defer, EMPTY, map, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { applyOverrides, type ApplyOverridesOptions, type ConfigValue } from '../../../lib/config/index.js';
import { instanceKey, ServiceUrl } from '../../../lib/dubbo/index.js';
import { type InvalidConfigError, InvalidOptionError, RegistryError } from '../../../lib/errors.js';
import { InstanceLedger, InstanceSet } from '../../../lib/instances/index.js';
import { keepsTheContract } from '../../operators/support/contract.js';
import { balance, type Picker, smoothWeightedRoundRobin } from '../../../lib/operators/index.js';
import { countWork } from '../../operators/support/countWork.js';
import { marbles } from '../../operators/support/marbles.js';
import { sourceOf, valueOf } from '../support/configValues.js';
import { IN_ORDER } from '../../support/inOrder.js';

const KEY = 'x.Y::.configurators';
const OWN = 'shop.configurators';

/** A document for the service, setting that weight on all of them, or on one host. */
const weigh = (weight: number, host?: string): string =>
  `{scope: service, key: x.Y, configs: [{side: consumer, ${host ? `providerAddresses: [${host}], ` : ''}parameters: {weight: ${weight}}}]}`;
const disable = (host: string): string =>
  `{scope: service, key: x.Y, configs: [{side: provider, addresses: [${host}], parameters: {disabled: true}}]}`;

/** `a b:5` is two instances, the second with weight 5. */
function instanceOf(word: string): ServiceUrl {
  const [host = '', weight] = word.split(':');
  return ServiceUrl.parse(`dubbo://${host}:1/x.Y?application=users${weight ? `&weight=${weight}` : ''}`);
}

function toSets(texts: Observable<string>): Observable<InstanceSet> {
  return defer(() => {
    const ledger = new InstanceLedger();
    return texts.pipe(
      map((text) => {
        const wanted = new Map(
          text
            .split(' ')
            .filter(Boolean)
            .map((word) => [instanceKey(instanceOf(word)), instanceOf(word)]),
        );
        ledger.write([...ledger.set.keys()].filter((key) => !wanted.has(key)).map((key) => [key, undefined]));
        ledger.write([...wanted].filter(([key, url]) => !ledger.get(key)?.equals(url)));
        return ledger.set;
      }),
    );
  });
}

const textOf = (set: InstanceSet): string =>
  set
    .toArray()
    .map((url) => (url.parameter('weight') ? `${url.host}:${url.parameter('weight')}` : url.host))
    .sort()
    .join(' ');

function run(
  texts: Observable<string>,
  values: Record<string, Observable<ConfigValue>>,
  options: ApplyOverridesOptions = {},
): Observable<string> {
  return toSets(texts).pipe(applyOverrides(sourceOf(values), options), map(textOf));
}

describe('applyOverrides', () => {
  keepsTheContract((scheduler) => applyOverrides(sourceOf(), { application: 'shop', overrides: of([]), scheduler }));

  keepsTheContract((scheduler) =>
    applyOverrides(sourceOf({ [KEY]: of(valueOf(weigh(100).replaceAll('weight', 'timeout'), KEY)) }), { scheduler }),
  );

  it('follows both the instances and the rules of their service', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }, scheduler) => {
      const sets = cold('  a-----b-----c--|', { a: 'a b', b: 'a b c', c: 'b c' });
      const rules = cold(' 0-1-------2--0-', { 0: valueOf(), 1: valueOf(weigh(5, 'b')), 2: valueOf(weigh(7)) });
      expectObservable(run(sets, { [KEY]: rules }, { scheduler })).toBe('a-b---c---d-ef-|', {
        a: 'a b',
        b: 'a b:5',
        c: 'a b:5 c',
        d: 'a:7 b:7 c:7',
        e: 'b:7 c:7',
        f: 'b c',
      });
      expectSubscriptions(rules.subscriptions).toBe('^--------------!');
      expectSubscriptions(sets.subscriptions).toBe('^--------------!');
    }));

  it('takes out who is disabled, and restores the very object when the rule goes', () => {
    const values = new BehaviorSubject(valueOf());
    const sets: InstanceSet[] = [];
    toSets(concat(of('a b'), NEVER))
      .pipe(applyOverrides(sourceOf({ [KEY]: values })))
      .subscribe((set) => sets.push(new InstanceSet(new Map(set.entries()))));
    values.next(valueOf(disable('a')));
    values.next(valueOf(weigh(5)));
    values.next(valueOf());
    expect(sets.map(textOf)).toEqual(['a b', 'b', 'a:5 b:5', 'a b']);
    for (const [key, instance] of sets[0]!.entries()) expect(sets[3]!.get(key)).toBe(instance);
  });

  it('tells a change of rules once, and nothing of one that changes nothing', () => {
    const values = new BehaviorSubject(valueOf(weigh(5)));
    const told: string[] = [];
    run(concat(of('a b c'), NEVER), { [KEY]: values }).subscribe((text) => told.push(text));
    values.next(valueOf(`${weigh(5)} # the same`));
    values.next(valueOf(weigh(5).replace('}}]', '}}, {side: consumer, parameters: {weight: 1}}]')));
    values.next(valueOf(weigh(6)));
    expect(told).toEqual(['a:5 b:5 c:5', 'a:1 b:1 c:1', 'a:6 b:6 c:6']);
  });

  it('changes the picks of a running balancer within one change', () => {
    const values = new BehaviorSubject(valueOf());
    const picks: string[] = [];
    let picker: Picker | undefined;
    toSets(concat(of('a b c'), NEVER))
      .pipe(applyOverrides(sourceOf({ [KEY]: values })), balance(smoothWeightedRoundRobin(IN_ORDER)))
      .subscribe((next) => (picker = next));
    const split = (): string => {
      picks.length = 0;
      for (let i = 0; i < 300; i += 1) picks.push(picker!.pick()!.host);
      return ['a', 'b', 'c'].map((host) => picks.filter((pick) => pick === host).length).join(' ');
    };
    expect(split()).toBe('100 100 100');
    values.next(valueOf(weigh(400, 'a')));
    expect(split()).toBe('200 50 50');
    values.next(valueOf(disable('a')));
    expect(split()).toBe('0 150 150');
    values.next(valueOf());
    expect(split()).toBe('100 100 100');
  });

  describe('until rules are known', () => {
    it('holds back, and then tells the whole set at once', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const rules = cold('-----1', { 1: valueOf(disable('a')) });
        const sets = cold(' a-b---', { a: 'a', b: 'a b' });
        expectObservable(run(sets, { [KEY]: rules }, { scheduler })).toBe('-----b', { b: 'b' });
      }));

    it('waits no longer than that: without an answer traffic goes on, and with a late one by the rules', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const rules = cold('- 20ms 1', { 1: valueOf(disable('a')) });
        const sets = cold(' -a', { a: 'a b' });
        const options = { scheduler, waitMs: 10 };
        // What is awaited from the first instance on is over 10 ms after it.
        expectObservable(run(sets, { [KEY]: rules }, options)).toBe('- 10ms a 10ms b', { a: 'a b', b: 'b' });
      }));

    it('waits for each place by itself', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const a = ServiceUrl.parse('dubbo://a:1/x.Y');
        const b = ServiceUrl.parse('dubbo://b:1/x.Z');
        const sets = cold('a----b', {
          a: new InstanceSet(new Map([['a', a]])),
          b: new InstanceSet(new Map(Object.entries({ a, b }))),
        });
        const config = sourceOf({ [KEY]: NEVER, 'x.Z::.configurators': NEVER });
        const result = sets.pipe(applyOverrides(config, { scheduler, waitMs: 10 }), map(textOf));
        expectObservable(result).toBe('10ms a 4ms b', { a: 'a', b: 'a b' });
      }));

    it('takes nobody for nobody there: who waits for something else by now is waited for', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const there = ServiceUrl.parse('dubbo://a:1/x.Y?application=users');
        const moved = there.with({ parameters: { application: 'other' } });
        const setOf = (url: ServiceUrl) => new InstanceSet(new Map([['k', url]]));
        const sets = cold('a----b', { a: setOf(there), b: setOf(moved) });
        const config = sourceOf({ [KEY]: NEVER, 'other.configurators': NEVER });
        const result = sets.pipe(applyOverrides(config, { scheduler, waitMs: 10 }), map(textOf));
        expectObservable(result).toBe('15ms a', { a: 'a' });
      }));

    it('does not make later instances wait for what did not come in time', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const sets = cold('a 14ms b', { a: 'a', b: 'a b' });
        expectObservable(run(sets, { [KEY]: NEVER }, { scheduler, waitMs: 10 })).toBe('10ms a 4ms b', {
          a: 'a',
          b: 'a b',
        });
      }));

    it('lets everything pass if told not to wait, even before it is asked', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const sets = cold(' a----', { a: 'a' });
        const rules = cold('---1', { 1: valueOf(weigh(5)) });
        expectObservable(run(sets, { [KEY]: rules }, { scheduler, waitMs: 0 })).toBe('a--b', { a: 'a', b: 'a:5' });
      }));

    it('tells an empty set at once, and what is held back when the source completes', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        expectObservable(run(cold('e-a|', { e: '', a: 'a' }), { [KEY]: NEVER }, { scheduler })).toBe('e--(a|)', {
          e: '',
          a: 'a',
        });
      }));

    it('holds back only the new one of a running set, and takes nobody back', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const sets = cold('a-b-c-', { a: 'a', b: 'a b', c: 'a:9 b' });
        const moved = ServiceUrl.parse('dubbo://b:1/x.Y?application=other');
        const isOther = map((set: InstanceSet) =>
          set.has(instanceKey(moved)) ? new InstanceSet(new Map([...set.entries(), [instanceKey(moved), moved]])) : set,
        );
        const rules = cold('-----1', { 1: valueOf() });
        const result = toSets(sets).pipe(
          isOther,
          applyOverrides(sourceOf({ 'other.configurators': rules }), { scheduler }),
          map(textOf),
        );
        expectObservable(result).toBe('a---c--d', { a: 'a', c: 'a:9', d: 'a:9 b' });
      }));

    it('takes nobody back who changes to what is not known yet', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const there = ServiceUrl.parse('dubbo://a:1/x.Y?application=users');
        const moved = there.with({ parameters: { application: 'other', weight: '9' } });
        const setOf = (url: ServiceUrl) => new InstanceSet(new Map([['k', url]]));
        const sets = cold(' a-b--', { a: setOf(there), b: setOf(moved) });
        const rules = cold('---1', {
          1: valueOf(disable('a').replace('x.Y', 'other').replace('service', 'application')),
        });
        const config = sourceOf({ 'other.configurators': rules });
        const result = sets.pipe(applyOverrides(config, { scheduler }), map(textOf));
        expectObservable(result).toBe('a-b--c', { a: 'a', b: 'a:9', c: '' });
      }));

    it('asks anew for what nobody needed meanwhile, and does not go by what it was', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const answers = [cold('1', { 1: valueOf(weigh(5)) }), cold('--1', { 1: valueOf(weigh(6)) })];
        const config = { watch: (key: string) => (key === KEY ? answers.shift()! : of(valueOf(undefined, key))) };
        const sets = cold('a-e-a', { a: 'a', e: '' });
        const result = toSets(sets).pipe(applyOverrides(config, { scheduler }), map(textOf));
        expectObservable(result).toBe('a-e---b', { a: 'a:5', e: '', b: 'a:6' });
      }));

    it('waits for nodes too', () =>
      marbles(({ cold, expectObservable }, scheduler) => {
        const overrides = cold('---1', { 1: [ServiceUrl.parse('override://0.0.0.0/x.Y?weight=5')] });
        expectObservable(run(cold('a', { a: 'a' }), {}, { scheduler, overrides })).toBe('---a', { a: 'a:5' });
      }));
  });

  describe('with what cannot be used', () => {
    it('reports a document, and keeps the last good one of its key in force', () => {
      const values = new BehaviorSubject(valueOf('{', KEY));
      const errors: InvalidConfigError[] = [];
      const told: string[] = [];
      run(concat(of('a'), NEVER), { [KEY]: values }, { onInvalid: (error) => errors.push(error) }).subscribe((text) =>
        told.push(text),
      );
      for (const content of [weigh(5), '[', 'scope: nothing', weigh(6), undefined]) values.next(valueOf(content, KEY));
      expect(told).toEqual(['a', 'a:5', 'a:6', 'a']);
      expect(errors.map(({ code, key }) => [code, key])).toEqual(Array(3).fill(['INVALID_CONFIG', KEY]));
      expect(errors[2]?.message).toContain('expected scope service');
    });

    it('reports a config of a document, and applies the others', () => {
      const errors: string[] = [];
      const yaml = weigh(5).replace('configs: [', 'configs: [{side: nobody, parameters: {a: 1}}, ');
      const told: string[] = [];
      const onInvalid = ({ message }: Error): void => void errors.push(message);
      run(of('a'), { [KEY]: of(valueOf(yaml, KEY)) }, { onInvalid }).subscribe((text) => told.push(text));
      expect(told).toEqual(['a:5']);
      expect(errors).toEqual([expect.stringContaining(`"${KEY}" cannot be used: configs[0]: expected side`)]);
    });

    it('reports a node, once, and applies the others', () => {
      const errors: string[] = [];
      const bad = ServiceUrl.parse('route://user:secret@0.0.0.0/x.Y?rule=x');
      const good = ServiceUrl.parse('override://0.0.0.0/x.Y?weight=5');
      const overrides = of([bad, good], [good, bad]);
      const told: string[] = [];
      const onInvalid = ({ message }: Error): void => void errors.push(message);
      run(of('a'), {}, { overrides, onInvalid }).subscribe((text) => told.push(text));
      expect(told).toEqual(['a:5']);
      expect(errors).toHaveLength(1);
      expect(errors[0]).toContain('expected override:// or absent://');
      expect(errors[0]).not.toContain('secret');
    });

    it('goes on when the configuration centre gives up, with the rules that were in force', () => {
      const values = new Subject<ConfigValue>();
      const overrides = new Subject<ServiceUrl[]>();
      const texts = new Subject<string>();
      const errors: string[] = [];
      const told: string[] = [];
      const onInvalid = ({ message }: Error): void => void errors.push(message);
      const result = run(texts, { [KEY]: values }, { overrides, onInvalid });
      const subscription = result.subscribe((text) => told.push(text));
      texts.next('a');
      overrides.next([]);
      values.next(valueOf(weigh(5)));
      values.error(new RegistryError('NOT_AUTHORIZED', 'no'));
      overrides.error(new Error('gone'));
      texts.next('a b');
      expect(told).toEqual(['a:5', 'a:5 b:5']);
      expect(errors).toEqual([
        `"${KEY}" cannot be used: it cannot be followed: no`,
        '"overrides" cannot be used: it cannot be followed: gone',
      ]);
      subscription.unsubscribe();
    });

    it('waits for nobody who refuses at once, throws, or has nothing to say', () => {
      for (const value of [throwError(() => new Error('no')), defer(() => thrown('no')), EMPTY]) {
        const told: string[] = [];
        run(concat(of('a'), NEVER), { [KEY]: value }, { overrides: EMPTY })
          .subscribe((text) => told.push(text))
          .unsubscribe();
        expect(told).toEqual(['a']);
      }
    });

    it('asks for no key that cannot be one', () => {
      const asked: string[] = [];
      const config = { watch: (key: string) => (asked.push(key), of(valueOf(undefined, key))) };
      const hostile = ServiceUrl.parse('dubbo://a:1/../x?application=../../b');
      const told: InstanceSet[] = [];
      of(new InstanceSet(new Map([['k', hostile]])))
        .pipe(applyOverrides(config))
        .subscribe((set) => told.push(set));
      expect(asked).toEqual([]);
      expect([...told[0]!]).toEqual([hostile]);
    });
  });

  it('applies nodes, then rules of applications, then those of the service, each over the one before', () => {
    const app = (name: string, side: string, ...parameters: string[]): ConfigValue =>
      valueOf(`{scope: application, key: ${name}, configs: [{side: ${side}, parameters: {${parameters.join(', ')}}}]}`);
    const values = {
      [KEY]: of(valueOf('{scope: service, key: x.Y, configs: [{side: consumer, parameters: {a: service}}]}')),
      [OWN]: of(app('shop', 'consumer', 'a: shop', 'b: shop')),
      'users.configurators': of(app('users', 'provider', 'a: users', 'b: users', 'c: users')),
    };
    const node = (side: string) =>
      ServiceUrl.parse(
        `override://0.0.0.0/x.Y?side=${side}&a=node&b=node&c=node&${side === 'provider' ? 'd=node' : 'x=1'}`,
      );
    let told: ServiceUrl | undefined;
    const parameters = (): string => ['a', 'b', 'c', 'd'].map((name) => told?.parameter(name)).join(' ');
    const options = { application: 'shop', overrides: of([node('provider')]) };
    toSets(of('a'))
      .pipe(applyOverrides(sourceOf(values), options))
      .subscribe((set) => ([told] = [...set]));
    expect(parameters()).toBe('service shop users node');
    // The consumer's side comes last as a whole, as it does where the provider obeys its own rules.
    const late = { ...options, overrides: of([node('consumer')]) };
    toSets(of('a'))
      .pipe(applyOverrides(sourceOf(values), late))
      .subscribe((set) => ([told] = [...set]));
    expect(parameters()).toBe('service shop node ');
  });

  it('follows nodes as they come, change and go, in whatever order the registry lists them', () => {
    const overrides = new BehaviorSubject<ServiceUrl[]>([]);
    const told: string[] = [];
    run(concat(of('a b'), NEVER), {}, { overrides }).subscribe((text) => told.push(text));
    const nodes = ['override://0.0.0.0/x.Y?weight=5', 'override://a:1/x.Y?weight=6', 'override://0.0.0.0/x.Y?weight=7'];
    const [five, six, seven] = nodes.map((url) => ServiceUrl.parse(url)) as [ServiceUrl, ServiceUrl, ServiceUrl];
    overrides.next([five]);
    overrides.next([six, five]);
    overrides.next([five, seven, six]);
    overrides.next([six, seven, five]);
    overrides.next([]);
    expect(told).toEqual(['a b', 'a:5 b:5', 'a:6 b:5', 'a:6 b:7', 'a b']);
  });

  it('follows the rules of every service that has instances, once each, and no longer than it does', () => {
    const watched = new Map<string, number>();
    const config = {
      watch: (key: string) =>
        new Observable<ConfigValue>((subscriber) => {
          watched.set(key, (watched.get(key) ?? 0) + 1);
          subscriber.next(valueOf(undefined, key));
          return () => watched.set(key, watched.get(key)! - 1);
        }),
    };
    const active = (): string[] =>
      [...watched].filter(([, count]) => count > 0).map(([key, count]) => `${count} ${key}`);
    const ledger = new InstanceLedger();
    const sets = new Subject<InstanceSet>();
    const write = (...urls: string[]): void => {
      const next = new Map(urls.map((url) => [url, ServiceUrl.parse(url)]));
      ledger.write([...ledger.set.keys()].filter((key) => !next.has(key)).map((key) => [key, undefined]));
      ledger.write(next);
      sets.next(ledger.set);
    };
    const service = { interface: 'x.Pinned' };
    const subscription = sets.pipe(applyOverrides(config, { application: 'shop', service })).subscribe();
    const always = ['1 shop.configurators', '1 x.Pinned::.configurators'];
    expect(active()).toEqual(always);
    write('dubbo://a:1/x.Y?version=1.0&group=g', 'dubbo://b:1/x.Y?version=1.0&group=g', 'dubbo://a:2/x.Z');
    expect(active()).toEqual([...always, '1 x.Y:1.0:g.configurators', '1 x.Z::.configurators']);
    write('dubbo://b:1/x.Y?version=1.0&group=g&weight=5');
    expect(active()).toEqual([...always, '1 x.Y:1.0:g.configurators']);
    write('dubbo://c:1/x.Y?version=1.0&group=g');
    expect(watched.get('x.Y:1.0:g.configurators')).toBe(1);
    write('dubbo://c:1/x.Pinned');
    expect(active()).toEqual(always);
    write();
    expect(active()).toEqual(always);
    subscription.unsubscribe();
    expect(active()).toEqual([]);
  });

  it('subscribes again with a state of its own', () =>
    marbles(({ cold, expectObservable }, scheduler) => {
      const rules = cold('0-1', { 0: valueOf(), 1: valueOf(weigh(5)) });
      const result = run(cold('a', { a: 'a' }), { [KEY]: rules }, { scheduler });
      expectObservable(result).toBe('a-b', { a: 'a', b: 'a:5' });
      expectObservable(result, '--^').toBe('--a-b', { a: 'a', b: 'a:5' });
    }));

  it('always tells what the present rules make of the present instances', () => {
    const texts = fc
      .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })
      .chain((hosts) =>
        fc
          .tuple(...hosts.map((host) => fc.constantFrom(host, `${host}:1`, `${host}:2`)))
          .map((words) => words.join(' ')),
      );
    const contents = fc.constantFrom(undefined, '', '{', weigh(5), weigh(6, 'b'), disable('a'), disable('b'), 'x: [');
    const nodeLists = fc.uniqueArray(
      fc.constantFrom(
        'override://0.0.0.0/x.Y?weight=7',
        'override://c:1/x.Y?disabled=true',
        'route://0.0.0.0/x.Y?weight=8',
      ),
    );
    const step = fc.oneof(
      texts.map((text) => ({ text })),
      contents.map((content) => ({ content })),
      nodeLists.map((nodes) => ({ nodes })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), texts, (steps, last) => {
        const sets = new Subject<string>();
        const values = new BehaviorSubject(valueOf());
        const overrides = new BehaviorSubject<ServiceUrl[]>([]);
        const emitted: string[] = [];
        const service = { interface: 'x.Y' };
        run(sets, { [KEY]: values }, { overrides, service }).subscribe((text) => emitted.push(text));
        let content: string | undefined;
        let nodes: readonly string[] = [];
        for (const change of [...steps, { text: last }]) {
          if ('text' in change) sets.next(change.text);
          if ('content' in change) {
            values.next(valueOf(change.content));
            if (change.content !== '{' && change.content !== 'x: [') content = change.content;
          }
          if ('nodes' in change) overrides.next((nodes = change.nodes).map((url) => ServiceUrl.parse(url)));
        }
        const expected = last
          .split(' ')
          .filter(Boolean)
          .filter(
            (word) =>
              !(content === disable(word[0]!) || (word[0] === 'c' && nodes.some((url) => url.includes('disabled')))),
          )
          .map((word) => {
            const byNode = nodes.some((url) => url.endsWith('weight=7')) ? `${word[0]}:7` : word;
            if (content === weigh(5)) return `${word[0]}:5`;
            return content === weigh(6, 'b') && word[0] === 'b' ? 'b:6' : byNode;
          });
        expect(emitted.at(-1)).toBe(expected.sort().join(' '));
        for (const [index, text] of emitted.entries()) expect(text).not.toBe(emitted[index - 1]);
      }),
      { numRuns: 500 },
    );
  });

  it('pays for one instance what its rules cost, however many instances there are', () => {
    const work = (count: number): number => {
      const ledger = new InstanceLedger();
      const sets = new Subject<InstanceSet>();
      const config = sourceOf({ [KEY]: of(valueOf(weigh(5))) });
      const subscription = sets.pipe(applyOverrides(config, { application: 'shop' })).subscribe();
      ledger.write(Array.from({ length: count }, (_, i) => [`k${i}`, instanceOf(`h${i}`)] as const));
      sets.next(ledger.set);
      const cost = countWork(() => {
        for (let i = 0; i < 20; i += 1) {
          ledger.write([[`k${i}`, instanceOf(`h${i}:9`)]]);
          sets.next(ledger.set);
        }
      });
      subscription.unsubscribe();
      return cost / 20;
    };
    expect(work(10_000)).toBeLessThan(work(30) * 1.2 + 5);
  });

  it.each([
    ['application', { application: 'a/b' }],
    ['application', { application: '' }],
    ['interface', { service: { interface: '' } }],
    ['host', { host: '' }],
    ['waitMs', { waitMs: -1 }],
    ['waitMs', { waitMs: Infinity }],
  ])('refuses %s at once: %j', (option, options) => {
    expect(() => applyOverrides(sourceOf(), options)).toThrow(InvalidOptionError);
    expect(() => applyOverrides(sourceOf(), options)).toThrow(`\`${option}\``);
  });
});

function thrown(reason: string): never {
  throw new Error(reason);
}

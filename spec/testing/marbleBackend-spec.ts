import fc from 'fast-check';
import { map, NEVER, type Observable, Subject, type Subscription, withLatestFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { balance, roundRobin } from '../../lib/balancers/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { createRegistry } from '../../lib/index.js';
import { LEGAL_TRANSITIONS } from '../../lib/port/index.js';
import { LETTER_OF } from '../../lib/testing/connectionScript.js';
import {
  fakeInstance,
  fakeInstances,
  legalStates,
  marbleBackend,
  type MarbleScript,
  recordOf,
} from '../../lib/testing/index.js';
import { VirtualTime } from '../support/virtual/index.js';
import { a, b, c, nameOf, namesOf, QUERY, setsOn, values } from './cast.js';
import { inVirtualTime } from './inVirtualTime.js';
import { IN_ORDER } from '../support/inOrder.js';

/** Plays a script on a clock of its own, and gives what a stream made of it tells in a minute. */
function play<T>(
  script: MarbleScript,
  watch: (backend: ReturnType<typeof marbleBackend>) => Observable<T>,
  at: { readonly [atMs: number]: (backend: ReturnType<typeof marbleBackend>) => void } = {},
) {
  const time = new VirtualTime();
  const { scheduler } = time;
  const backend = marbleBackend({ values, ...script, scheduler });
  const record = recordOf(watch(backend), { scheduler });
  for (const [atMs, act] of Object.entries(at)) scheduler.schedule(() => act(backend), Number(atMs));
  time.pass(60_000);
  return { record, backend, time };
}

const told = (script: MarbleScript): string => String(play(script, ({ states }) => states.pipe(legalStates())).record);
const sets = (script: MarbleScript): string => String(play(script, setsOn).record);

describe('my balancer', () => {
  it('keeps serving while ZooKeeper is away for 30 s', () => {
    inVirtualTime(({ hot, expectObservable }) => {
      const backend = marbleBackend({ states: 'c 10s s 30s c', contents: 'D 20s B', values });
      const picker = createRegistry(backend)
        .instances(QUERY)
        .pipe(balance(roundRobin(IN_ORDER)));
      const requests = hot('          5s r 14999ms r 14999ms r 14999ms r 14999ms r');
      const targets = requests.pipe(withLatestFrom(picker, (_, now) => nameOf(now.pick()!)));
      expectObservable(targets).toBe('5s a 14999ms b 14999ms a 14999ms b 14999ms b');
    });
  });
});

describe('the states on marbles', () => {
  it.each([
    ['c', '(k c)'],
    ['', 'k'],
    ['k', 'k'],
    ['k-c', 'k 2ms c'],
    ['--c', 'k 2ms c'],
    ['kkk-c', 'k 1ms k 1ms k 2ms c'],
    ['c--s--c--l-k--c', '(k c) 3ms s 3ms c 3ms l 2ms k 3ms c'],
    ['c--s--c--l-c', '(k c) 3ms s 3ms c 3ms l 2ms (k c)'],
    ['c 30s (sl) 20s c', '(k c) 30001ms (s l) 20004ms (k c)'],
    ['c-x', '(k c) 2ms (x |)'],
    ['c-s-x', '(k c) 2ms s 2ms (x |)'],
    ['k-k-x', 'k 2ms k 2ms (x |)'],
    ['-#', 'k 1ms #'],
  ])('%j are told as %j', (states, expected) => {
    expect(told({ states })).toBe(expected);
  });

  it('are those of any legal trace, at their times, and legal from the start', () => {
    const trace = fc.array(fc.tuple(fc.nat(5), fc.nat(2_000)), { minLength: 1, maxLength: 20 }).map((draws) => {
      let status: keyof typeof LEGAL_TRANSITIONS = 'connecting';
      return draws.flatMap(([choice, ms]) => {
        const next: readonly (typeof status)[] = LEGAL_TRANSITIONS[status];
        if (next.length === 0) return [];
        status = next[choice % next.length]!;
        return [{ letter: LETTER_OF[status], ms: ms + 2 }];
      });
    });
    fc.assert(
      fc.property(trace, (steps) => {
        const states = steps.map(({ letter, ms }) => `${ms}ms ${letter}`).join(' ');
        const { record } = play({ states }, (backend) => backend.states.pipe(legalStates({ fromStart: true })));
        let atMs = -1;
        const expected = steps.map(({ letter, ms }) => `${letter}@${(atMs += ms + 1)}`);
        expect(record.entries.map((entry) => `${LETTER_OF[entry.value.status]}@${entry.atMs}`)).toEqual([
          'k@0',
          ...expected,
        ]);
        expect(record.status).toBe(states.includes('x') ? 'completed' : 'open');
      }),
      { numRuns: 200 },
    );
  });

  it('have a new session after lost and the same one after suspended', () => {
    const { record } = play({ states: 'c-s-c-l-c' }, ({ states }) => states);
    const sessions = record.values.flatMap((state) => ('session' in state ? [state.session] : []));
    expect(sessions).toHaveLength(4);
    expect(new Set(sessions.slice(0, 3)).size).toBe(1);
    expect(sessions[3]).not.toBe(sessions[0]);
    expect(sessions[3]!.id).not.toBe(sessions[0]!.id);
    expect(sessions[0]!.timeoutMs).toBe(30_000);
  });

  it('have sessions of the timeout that was asked for', () => {
    const { record } = play({ sessionTimeoutMs: 4_000 }, ({ states }) => states);
    expect(record.last).toMatchObject({ status: 'connected', session: { timeoutMs: 4_000 } });
  });

  it('say why, and are lost for sure only where the server can have said so', () => {
    const lost = ({ states }: MarbleScript) =>
      play({ states: states! }, (backend) => backend.states).record.values.find(({ status }) => status === 'lost');
    expect(lost({ states: 'c-l' })).toMatchObject({ confirmed: true, cause: { code: 'SESSION_EXPIRED' } });
    expect(lost({ states: 'c-s-l' })).toMatchObject({ confirmed: false, cause: { code: 'SESSION_EXPIRED' } });
    const { record } = play({ states: 'kk' }, ({ states }) => states);
    expect(record.values).toMatchObject([{ attempt: 1 }, { attempt: 2, cause: { code: 'CONNECTION_LOST' } }]);
    const refused = play({ states: '#' }, ({ states }) => states).record;
    expect(refused.error).toMatchObject({ code: 'NOT_AUTHORIZED' });
  });

  it('are connecting for who comes in the middle, unless connected at present', () => {
    const late = (states: string): string => {
      const time = new VirtualTime();
      const { scheduler } = time;
      const backend = marbleBackend({ states, scheduler });
      time.pass(5_000);
      const record = recordOf(backend.states.pipe(legalStates({ fromStart: true })), { scheduler });
      time.pass(10_000);
      return String(record);
    };
    expect(late('c')).toBe('(k c)');
    expect(late('c-s 9s c')).toBe('k 4003ms c');
    expect(late('c-l 9s k-c')).toBe('k 4003ms k 2ms c');
    expect(late('c-s 9s l-c')).toBe('k 4005ms c');
    expect(late('c-x')).toBe('(x |)');
    expect(late('#')).toBe('(k #)');
  });

  it('can be had as often as wanted, from one session', () => {
    const time = new VirtualTime();
    const backend = marbleBackend({ scheduler: time.scheduler });
    const [first, second] = [recordOf(backend.states), recordOf(backend.states)];
    time.pass(1);
    expect(second.last).toMatchObject({ status: 'connected' });
    expect(second.last).toBe(first.last);
  });

  it('end with close(), in every state and at once', async () => {
    for (const states of ['', 'c', 'c-s', 'c-l', 'c-x', '#']) {
      const { record, backend } = play({ states }, (made) => made.states);
      await backend.close();
      await backend.close();
      if (states !== '#') expect(record).toMatchObject({ status: 'completed', last: { status: 'closed' } });
    }
  });
});

describe('the contents on marbles', () => {
  it.each<[MarbleScript, string]>([
    [{ contents: 'D' }, 'ab'],
    [{}, 'o'],
    [{ contents: '' }, 'o'],
    [{ contents: '--A' }, 'o 2ms a'],
    [{ contents: 'A 5s D 5s B 5s O' }, 'a 5001ms ab 5001ms b 5001ms o'],
    [{ contents: 'A--A--D' }, 'a 6ms ab'],
    [{ contents: 'A--(BC)' }, 'a 3ms (b c)'],
    [{ states: '--c', contents: 'A-----B' }, '2ms a 4ms b'],
    [{ states: 'c--s------c', contents: 'A-----B' }, 'a 10ms b'],
    [{ states: 'c--s------c', contents: 'A----B-A' }, 'a'],
    [{ states: 'c--l------c', contents: 'A----B' }, 'a 10ms b'],
    [{ states: 'c--s------c', contents: 'A----O' }, 'a 10ms o'],
    [{ states: 'c--s', contents: 'A-----B' }, 'a'],
    [{ states: '-----c', contents: 'A--B' }, '5ms b'],
    [{ states: 'c--x', contents: 'A-----B' }, 'a 3ms |'],
    [{ states: '-----c', contents: 'A----B' }, '5ms b'],
    [{ states: 'c----s', contents: 'A----B' }, 'a'],
    [{ contents: ['A---O', '--B---C'] }, 'a 2ms ab 2ms b 2ms c'],
    [{ contents: ['D---O', '--B'] }, 'ab 4ms b'],
  ])('%j are told as %j', (script, expected) => {
    expect(sets(script)).toBe(expected);
  });

  it('are told as events of which each is a difference', () => {
    const { record } = play({ states: 'c 9s s 20s c', contents: 'D 9s D 10s B 9s E' }, (backend) =>
      createRegistry(backend).subscribe(QUERY),
    );
    expect(record.entries.map(({ atMs, value }) => `${atMs} ${value.type} ${nameOf(value.service)}`)).toEqual([
      '0 add a',
      '0 add b',
      // What went and came back while nobody could look was never gone.
      '29002 add c',
    ]);
  });

  it('of several services stand beside each other, each where its interface and category say', () => {
    const other = fakeInstance({ number: 9, interface: 'com.acme.Other' });
    const rule = `override://0.0.0.0/${QUERY.interface}?category=configurators`;
    const script = { contents: 'A', values: { A: [a, other, rule] } };
    const of = (query: object) =>
      play(script, (backend) => createRegistry(backend).instances({ interface: '*', ...query })).record.last!.size;
    expect(of({})).toBe(2);
    expect(of(QUERY)).toBe(1);
    expect(of({ interface: 'com.acme.Other' })).toBe(1);
    expect(of({ ...QUERY, category: 'configurators' })).toBe(1);
    expect(of({ category: '*' })).toBe(3);
  });

  it('stand in the directory of their group', () => {
    const script = { contents: 'A', group: 'shop' };
    const inGroup = (group: string): number | undefined =>
      play(script, (backend) => createRegistry(backend, { group }).instances(QUERY)).record.last?.size;
    expect(inGroup('shop')).toBe(1);
    expect(inGroup('dubbo')).toBe(0);
  });

  it('can be streams', () => {
    inVirtualTime(({ cold, hot, expectObservable }) => {
      const contents = [cold('D 9s E', { D: [a, b], E: [a] }), hot('5s F', { F: [c.toString()] })];
      expectObservable(setsOn(marbleBackend({ contents }))).toBe('x 4999ms y 4000ms z', { x: 'ab', y: 'abc', z: 'ac' });
    });
  });

  it('can be streams beside diagrams', () => {
    const contents = new Subject<readonly (typeof a)[]>();
    const { record } = play({ contents: ['A 9s O', contents, '1s B'] }, setsOn, {
      2_000: () => contents.next([c]),
      3_000: () => contents.next([]),
    });
    expect(String(record)).toBe('a 1s ab 1s abc 1s ab 6001ms b');
  });

  it('that are streams give their errors, and what cannot be read, to the states', () => {
    const broken = new Error('broken');
    const contents = new Subject<readonly string[]>();
    const { record, time } = play({ contents }, ({ states }) => states);
    contents.error(broken);
    expect(record.error).toBe(broken);
    const unreadable = new Subject<readonly string[]>();
    const second = play({ contents: unreadable }, ({ states }) => states);
    unreadable.next(['nonsense']);
    expect(second.record.error).toBeInstanceOf(InvalidOptionError);
    time.pass(1);
  });

  it('change before the connection does in the same millisecond', () => {
    expect(sets({ states: '-----c---s', contents: 'O----A---B' })).toBe('5ms a');
  });

  it('may hold many', () => {
    const many = fakeInstances(2_000);
    const { record } = play({ contents: 'M--N', values: { M: many, N: many.slice(1) } }, (backend) =>
      createRegistry(backend).instances(QUERY),
    );
    expect(record.entries.map(({ atMs, value }) => [atMs, value.size])).toEqual([
      [0, 2_000],
      [3, 1_999],
    ]);
  });

  it('let every watch go with its last subscriber', () => {
    const time = new VirtualTime();
    const backend = marbleBackend({ contents: 'A', values, scheduler: time.scheduler });
    const registry = createRegistry(backend);
    const [first, second] = [registry.instances(QUERY), registry.subscribe(QUERY)].map((stream) =>
      recordOf<unknown>(stream),
    );
    time.pass(5);
    // The directory of the service, and its mapping to applications.
    expect(backend.watches).toBe(2);
    first!.stop();
    expect(backend.watches).toBe(2);
    second!.stop();
    expect(backend.watches).toBe(0);
  });
});

describe('registrations on marbles', () => {
  const history = (script: MarbleScript, untilMs?: number): readonly string[] => {
    let registration: Subscription | undefined;
    const { backend } = play(
      script,
      (made) => {
        registration = createRegistry(made).register(a).subscribe();
        return NEVER;
      },
      untilMs === undefined ? {} : { [untilMs]: () => registration?.unsubscribe() },
    );
    return backend.history.map(({ atMs, type, service }) => `${atMs} ${type} ${nameOf(service)}`);
  };

  it.each<[string, number | undefined, string[]]>([
    ['c', undefined, ['0 registered a']],
    ['5s c', undefined, ['5000 registered a']],
    ['c', 7_000, ['0 registered a', '7000 released a']],
    ['c 10s s 10s c', undefined, ['0 registered a']],
    ['c 10s l 10s c', undefined, ['0 registered a', '10001 expired a', '20002 registered a']],
    ['c 10s s 10s l 10s c', undefined, ['0 registered a', '20002 expired a', '30003 registered a']],
    ['c 10s s 10s c', 15_000, ['0 registered a', '20002 released a']],
    ['c 10s s 10s l 10s c', 15_000, ['0 registered a', '20002 expired a']],
    ['c 10s x', undefined, ['0 registered a', '10001 expired a']],
    ['c 10s s 10s x', undefined, ['0 registered a', '50002 expired a']],
    ['', undefined, []],
  ])('in the states %j, taken back at %j, are remembered as %j', (states, untilMs, expected) => {
    expect(history({ states }, untilMs)).toEqual(expected);
  });

  it('stand beside the contents, are told to consumers, and are no contents', () => {
    const { record, backend } = play({ contents: 'B 5s O' }, (made) => {
      const registry = createRegistry(made);
      registry.register(a).subscribe();
      return registry.instances(QUERY).pipe(map(namesOf));
    });
    expect(record.last).toBe('a');
    expect(record.values).toContain('ab');
    expect(backend.registered.map(String)).toEqual([String(a)]);
    expect(backend.history).toHaveLength(1);
  });

  it('of what the contents have as well are their maker’s', () => {
    for (const contents of ['A 5s O', '5s A 5s O', 'A 5s A 5s O']) {
      const { record, backend } = play({ contents }, (made) => {
        const registry = createRegistry(made);
        registry.register(a).subscribe();
        return registry.instances(QUERY).pipe(map(namesOf));
      });
      expect(record.last).toBe('a');
      expect(backend.registered).toHaveLength(1);
      expect(backend.history.map(({ type }) => type)).toEqual(['registered']);
    }
  });

  it('have times that count from when the backend was made', () => {
    const time = new VirtualTime();
    time.pass(5_000);
    const backend = marbleBackend({ states: '1s c', scheduler: time.scheduler });
    createRegistry(backend).register(a).subscribe();
    time.pass(2_000);
    expect(backend.history).toMatchObject([{ atMs: 1_000 }]);
  });

  it('that are persistent outlive the session', () => {
    const lasting = a.with({ parameters: { dynamic: 'false' } });
    const { backend } = play({ states: 'c 5s l' }, (made) => createRegistry(made).register(lasting));
    expect(backend.history.map(({ type }) => type)).toEqual(['registered']);
    expect(backend.registered).toHaveLength(1);
  });

  it('that move are made anew before the old one goes', () => {
    const urls = new Subject<typeof a>();
    const { backend } = play({}, (made) => createRegistry(made).register(urls), {
      1_000: () => urls.next(a),
      2_000: () => urls.next(a.with({ parameters: { weight: '5' } })),
    });
    expect(backend.history.map(({ atMs, type, service }) => `${atMs} ${type} ${service.parameter('weight')}`)).toEqual([
      '1000 registered 100',
      '2000 registered 5',
      '2000 released 100',
    ]);
    expect(backend.registered.map((url) => url.parameter('weight'))).toEqual(['5']);
  });

  it('are told as they are on any registry', () => {
    const { record } = play({ states: '-c 5s s 5s l 5s c' }, (made) => createRegistry(made).register(a));
    expect(String(record)).toBe('pending 1ms registered 5001ms suspended 5001ms pending 5001ms registered');
  });

  it('of other sessions go with the last subscriber to the states', () => {
    const time = new VirtualTime();
    const backend = marbleBackend({ scheduler: time.scheduler });
    const states = recordOf(backend.states);
    time.pass(1);
    const { last } = states;
    if (last?.status !== 'connected') throw new Error('not connected');
    const path = `/dubbo/${QUERY.interface}/providers/${encodeURIComponent(String(a))}`;
    last.session.create(path, { ephemeral: true }).subscribe();
    last.session.create(path.replace('/dubbo/', '/elsewhere/'), { ephemeral: true }).subscribe();
    time.pass(1);
    expect(backend.registered).toHaveLength(1);
    states.stop();
    expect(backend.registered).toHaveLength(0);
    expect(backend.history.map(({ type }) => type)).toEqual(['registered', 'expired']);
  });

  it('have a history that does not change after it was taken', () => {
    const { backend } = play({ states: 'c 5s l' }, (made) => createRegistry(made).register(a));
    const { history: before } = backend;
    (before as unknown[]).length = 0;
    expect(backend.history).toHaveLength(2);
  });
});

describe('marbleBackend', () => {
  it('needs no scheduler inside run, and tells the same there', () => {
    const script: MarbleScript = { states: '3s c 10s s 10s c 5s l 5s c', contents: 'D 20s B 9s E', values };
    const expected = play(script, setsOn).record;
    let actual: string | undefined;
    inVirtualTime(({ flush }) => {
      const record = recordOf(setsOn(marbleBackend(script)));
      flush();
      actual = String(record);
    });
    expect(actual).toBe(String(expected));
    expect(actual).toBe('3s ab 20002ms b 10002ms abc');
  });

  it('plays in real time elsewhere', async () => {
    const backend = marbleBackend({ states: '20ms c', contents: 'A', values });
    const registry = createRegistry(backend);
    expect(namesOf(await registry.lookup(QUERY, { timeoutMs: 5_000 }))).toBe('a');
    await registry.close();
  });

  it('leaves no timer when it is closed early', async () => {
    const time = new VirtualTime();
    const backend = marbleBackend({ states: 'c 10s s', contents: 'A 1m B', values, scheduler: time.scheduler });
    recordOf(backend.states);
    time.pass(5);
    await backend.close();
    time.pass(0);
    expect(time.timers).toBe(0);
  });

  it.each<[string, object, RegExp]>([
    ['an illegal trace', { states: 'c-k' }, /option `states`.*`k` at character 3 cannot follow c/],
    ['a letter without a set', { contents: 'A-Z', values }, /option `contents`.*`Z` at character 3 is none of A, B, C/],
    ['letters without sets', { contents: 'A' }, /option `contents`.*`A` at character 1 is none of them/],
    ['a diagram that is none', { contents: 'A|', values }, /option `contents`.*character 2/],
    ['contents that are none', { contents: 5 }, /option `contents`/],
    ['values that are none', { values: 5 }, /option `values`/],
    ['a set that is none', { values: { A: 5 } }, /option `values.A` to be a list/],
    ['a set that is a text', { values: { A: String(a) } }, /option `values.A` to be a list/],
    ['a URL that cannot be read', { values: { A: ['x'] } }, /option `values.A`.*service URL/],
    ['a URL without interface', { values: { A: ['dubbo://h:1'] } }, /option `values.A`/],
    ['a URL that cannot be written', { values: { A: [a.with({ parameters: { x: 'a&b' } })] } }, /option `values.A`/],
    ['a timeout that is none', { sessionTimeoutMs: 0 }, /option `sessionTimeoutMs`/],
    ['a group that is none', { group: 'a//b' }, /option `group`/],
    ['a scheduler that is none', { scheduler: 5 }, /option `scheduler`/],
  ])('refuses %s at once', (_, script, message) => {
    expect(() => marbleBackend(script as MarbleScript)).toThrow(InvalidOptionError);
    expect(() => marbleBackend(script as MarbleScript)).toThrow(message);
  });

  it.each([null, 5, 'c'])('refuses the script %s', (script) => {
    expect(() => marbleBackend(script as MarbleScript)).toThrow(InvalidOptionError);
  });
});

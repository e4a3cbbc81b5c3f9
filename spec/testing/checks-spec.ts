import { catchError, concat, from, NEVER, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { InstanceSet, type ServiceEvent } from '../../lib/instances/index.js';
import type { ConnectionState, Session } from '../../lib/port/index.js';
import { foldEvents, IllegalTraceError, legalEvents, legalStates, recordOf } from '../../lib/testing/index.js';
import { fakeSession } from '../connection/fakeSession.js';
import { VirtualTime } from '../support/virtual/index.js';
import { a, b, c } from './cast.js';
import { inVirtualTime } from './inVirtualTime.js';

/** A clock that stands. */
const stopped = new VirtualTime().scheduler;
const cause = new Error('gone');
const session = fakeSession('s1');
const other = fakeSession('s2');
const k = (attempt = 1): ConnectionState => ({ status: 'connecting', attempt });
const up = (of: Session = session): ConnectionState => ({ status: 'connected', session: of });
const s = (of: Session = session): ConnectionState => ({ status: 'suspended', session: of, cause });
const l: ConnectionState = { status: 'lost', cause, confirmed: false };
const x: ConnectionState = { status: 'closed' };

const add = (service: ServiceUrl): ServiceEvent => ({ type: 'add', key: service.address, service });
const remove = (service: ServiceUrl): ServiceEvent => ({ type: 'delete', key: service.address, service });
const update = (service: ServiceUrl, previous: ServiceUrl): ServiceEvent => ({
  type: 'update',
  key: service.address,
  service,
  previous,
});
const heavy = a.with({ parameters: { weight: '500' } });
const restarted = a.with({ parameters: { timestamp: '1', pid: '77' } });

describe('legalStates', () => {
  const errorOf = (states: readonly ConnectionState[], fromStart = false): unknown =>
    recordOf(from(states).pipe(legalStates({ fromStart, scheduler: stopped }))).error;

  it('lets legal states through as they are, from wherever they begin', () => {
    const states = [k(), k(2), up(), s(), up(), s(), l, k(), up(other), l, k(), x];
    for (let start = 0; start < states.length; start += 1) {
      const record = recordOf(from(states.slice(start)).pipe(legalStates()));
      expect(record.error).toBeUndefined();
      expect(record.values).toEqual(states.slice(start));
      expect(record.status).toBe('completed');
    }
    expect(errorOf(states, true)).toBeUndefined();
  });

  it.each<[string, ConnectionState[], string]>([
    ['connected', [up(), k()], 'Connecting cannot follow connected, only suspended, lost, closed can'],
    ['suspended', [s(), k()], 'Connecting cannot follow suspended, only connected, lost, closed can'],
    ['lost', [l, up()], 'Connected cannot follow lost, only connecting, closed can'],
    ['closed', [x, k()], 'Connecting cannot follow closed, which is final'],
    [
      'a resumed session that is another',
      [up(), s(), up(other)],
      'Connected cannot follow suspended with another session',
    ],
    ['a suspended session that is another', [up(), s(other)], 'Suspended cannot follow connected with another session'],
    ['attempts that do not count', [k(), k(3)], 'Attempt 3 cannot follow attempt 1'],
  ])('refuses what cannot follow: %s', (_, states, message) => {
    const error = errorOf(states);
    expect(error).toBeInstanceOf(IllegalTraceError);
    expect((error as Error).message).toContain(message);
  });

  it('holds the first to the beginning of a connection if asked to', () => {
    expect((errorOf([up()], true) as Error).message).toContain('A connection cannot begin connected');
    expect((errorOf([s()], true) as Error).message).toContain('A connection cannot begin suspended');
    expect(errorOf([x], true)).toBeUndefined();
  });

  it('says when, and shows the trace with a mark', () => {
    const { scheduler, ...time } = virtual();
    const states = new Subject<ConnectionState>();
    const record = recordOf(states.pipe(legalStates({ scheduler })));
    for (const [ms, state] of [
      [0, k()],
      [0, up()],
      [12_000, s()],
      [18_000, k()],
    ] as const) {
      time.pass(ms);
      states.next(state);
    }
    expect((record.error as Error).message).toBe(
      [
        'Connecting cannot follow suspended, only connected, lost, closed can, after 30s:',
        '  (k c) 12s s 18s k',
        '                  ^',
      ].join('\n'),
    );
  });

  it('marks the last of several at one moment, and shows no more than the end of a long trace', () => {
    const grouped = errorOf([k(), up(), k()]) as Error;
    expect(grouped.message.split('\n').slice(1)).toEqual(['  (k c k)', '       ^']);
    const { scheduler, pass } = virtual();
    pass(5_000);
    const states = new Subject<ConnectionState>();
    const record = recordOf(states.pipe(legalStates({ scheduler })));
    pass(5_000);
    for (let index = 0; index < 500; index += 1) states.next(index % 2 ? s() : up());
    states.next(k());
    const long = record.error as Error;
    expect(long.message.split('\n')[1]).toMatch(/^ {2}… \((?:[sc] ){39}k\)$/);
    const [, account, mark] = long.message.split('\n');
    expect(account!.charAt(mark!.indexOf('^'))).toBe('k');
  });

  it('times in virtual time inside run, without being told', () => {
    inVirtualTime(({ hot, expectObservable }) => {
      const states = hot('5s k 4s c k', { k: k(), c: up() }).pipe(legalStates());
      expectObservable(states.pipe(catchError((error: unknown) => of((error as Error).message.split('\n')[1])))).toBe(
        '5s k 4s c (e|)',
        { k: k(), c: up(), e: '  5s k 4001ms c 1ms k' },
      );
      expectObservable(states).toBe('5s k 4s c #', { k: k(), c: up() }, expect.any(IllegalTraceError));
    });
  });

  it('begins anew with every subscription, and passes errors on', () => {
    const states = of(up()).pipe(legalStates());
    expect(recordOf(states).error).toBeUndefined();
    expect(recordOf(states).error).toBeUndefined();
    expect(
      recordOf(
        concat(
          of(up()),
          throwError(() => cause),
        ).pipe(legalStates()),
      ).error,
    ).toBe(cause);
  });
});

describe('legalEvents and foldEvents', () => {
  const legal = [add(a), add(b), update(heavy, a), remove(b), add(b), remove(heavy), add(a)];

  it('take legal events, and the fold is what is there', () => {
    const record = recordOf(from(legal).pipe(legalEvents()));
    expect(record.values).toEqual(legal);
    expect(record.status).toBe('completed');
    expect(foldEvents(legal)).toEqual(
      new Map([
        [b.address, b],
        [a.address, a],
      ]),
    );
    expect(foldEvents(legal.slice(0, 3)).get(a.address)).toBe(heavy);
    expect(foldEvents([])).toEqual(new Map());
  });

  it.each<[string, ServiceEvent[], RegExp]>([
    ['add of what is there', [add(a), add(a)], /10\.0\.0\.1:20880 was added, but is there already/],
    ['update of what is absent', [update(heavy, a)], /was updated, but is not there/],
    ['update of what was deleted', [add(a), remove(a), update(heavy, a)], /was updated, but is not there/],
    ['update that says the same', [add(a), update(a, a)], /was updated, but says what it said before/],
    ['update of when and by whom only', [add(a), update(restarted, a)], /was updated, but says what it said before/],
    [
      'update from what it was not',
      [add(a), update(heavy, b)],
      /was updated from ".*10\.0\.0\.2.*", but was ".*10\.0\.0\.1/,
    ],
    ['delete of what is absent', [add(a), remove(b)], /10\.0\.0\.2:20880 was deleted, but is not there/],
    ['delete twice', [add(a), remove(a), remove(a)], /was deleted, but is not there/],
  ])('refuse %s', (_, events, message) => {
    const record = recordOf(from(events).pipe(legalEvents()));
    expect(record.error).toBeInstanceOf(IllegalTraceError);
    expect((record.error as Error).message).toMatch(message);
    expect(record.values).toEqual(events.slice(0, -1));
    expect(() => foldEvents(events)).toThrow(IllegalTraceError);
    expect(() => foldEvents(events)).toThrow(message);
  });

  it('show what was told, with the times', () => {
    const time = virtual();
    const events = new Subject<ServiceEvent>();
    const record = recordOf(events.pipe(legalEvents({ scheduler: time.scheduler })));
    events.next(add(a));
    events.next(add(b));
    time.pass(90_000);
    events.next(update(heavy, a));
    time.pass(1_500);
    events.next(remove(c));
    expect((record.error as Error).message.split('\n')).toEqual([
      '10.0.0.3:20880 was deleted, but is not there, after 91500ms:',
      '  (+10.0.0.1:20880 +10.0.0.2:20880) 90s ~10.0.0.1:20880 1500ms -10.0.0.3:20880',
      expect.stringMatching(/^ +\^$/),
    ]);
  });

  it('show no password', () => {
    const secret = ServiceUrl.parse('dubbo://user:hunter2@h:1/x.Y?a=1');
    const events = [add(secret), update(secret.with({ parameters: { a: '2' } }), b)];
    expect(() => foldEvents(events)).toThrow(/^(?![^]*hunter2)/);
  });

  it('begin anew with every subscription', () => {
    const events = of(add(a)).pipe(legalEvents());
    expect([recordOf(events).error, recordOf(events).error]).toEqual([undefined, undefined]);
  });
});

describe('recordOf', () => {
  it('records what is told, and when', () => {
    const time = virtual();
    const source = new Subject<string>();
    time.pass(5_000);
    const record = recordOf(source, { scheduler: time.scheduler });
    expect([record.last, record.status, String(record)]).toEqual([undefined, 'open', '']);
    source.next('a');
    time.pass(250);
    source.next('b');
    source.next('c');
    expect(record.entries).toEqual([
      { atMs: 0, value: 'a' },
      { atMs: 250, value: 'b' },
      { atMs: 250, value: 'c' },
    ]);
    expect([record.values, record.last, record.status]).toEqual([['a', 'b', 'c'], 'c', 'open']);
    time.pass(120_000);
    source.complete();
    expect([record.status, String(record)]).toEqual(['completed', 'a 250ms (b c) 2m |']);
  });

  it('records an error and throws none', () => {
    const { scheduler, pass } = virtual();
    const source = new Subject<number>();
    const record = recordOf(source, { scheduler });
    source.next(1);
    pass(250);
    source.error(cause);
    expect([record.status, record.error, String(record)]).toEqual(['errored', cause, '1 250ms #']);
  });

  it('can be stopped, also by leaving the block', () => {
    const source = new Subject<number>();
    const record = recordOf(source);
    source.next(1);
    record.stop();
    expect(source.observed).toBe(false);
    {
      using inBlock = recordOf(source);
      expect(source.observed).toBe(true);
      expect(inBlock.values).toEqual([]);
    }
    expect(source.observed).toBe(false);
    expect(record.values).toEqual([1]);
  });

  it('writes what registries tell in a few characters', () => {
    const set = new InstanceSet(
      new Map([
        ['b', b],
        ['a', a],
      ]),
    );
    const line = (value: unknown) =>
      String(recordOf(of(value), { scheduler: stopped })).replace(/^\(?(.*?) ?\|\)$/, '$1');
    expect(line(up())).toBe('c');
    expect(line(l)).toBe('l');
    expect(line(x)).toBe('x');
    expect(line(add(a))).toBe('+10.0.0.1:20880');
    expect(line(update(heavy, a))).toBe('~10.0.0.1:20880');
    expect(line(remove(a))).toBe('-10.0.0.1:20880');
    expect(line(set)).toBe('{10.0.0.1:20880 10.0.0.2:20880}');
    expect(line(new InstanceSet())).toBe('{}');
    expect(line(a)).toBe('10.0.0.1:20880');
    expect(line({ status: 'suspended', url: a, path: '/', cause })).toBe('suspended');
    expect(line({ some: 'thing' })).toBe('{"some":"thing"}');
    expect(line({ big: 1n })).toBe('[object Object]');
    expect(line(undefined)).toBe('undefined');
  });

  it('writes as it is told to', () => {
    expect(String(recordOf(of(1, 2), { scheduler: stopped, as: (value) => 'ab'.charAt(value - 1) }))).toBe('(a b |)');
  });

  it('refuses what is no stream', () => {
    expect(() => recordOf(5 as never)).toThrow(InvalidOptionError);
    expect(() => recordOf(NEVER)).not.toThrow();
  });
});

function virtual() {
  const time = new VirtualTime();
  return { scheduler: time.scheduler, pass: (ms: number) => time.pass(ms) };
}

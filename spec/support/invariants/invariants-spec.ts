import { describe, expect, it } from 'vitest';
import type { HistoryEvent } from './history.js';
import { judge } from './judge.js';
import type { Limits } from './limits.js';

const LIMITS: Limits = {
  sessionMs: 3_000,
  recoveryMs: 1_000,
  vanishMs: 500,
  ghostMs: 4_000,
  onTheWayMs: 10,
  coalesceMs: 0,
  suspendedMs: 1_300,
  lostMs: 3_001,
  attemptsPerSecond: 5,
  skewMs: 0,
};

const PATH = '/dubbo/users/providers/a';
const INSTANCE = { key: 'a', says: 'a weight=1' };
const sees = (path: string): boolean => path.startsWith('/dubbo/users/providers/');

const node = (atMs: number, present: boolean, by = 'one', path = PATH, owner = 'm1'): HistoryEvent => ({
  kind: 'node',
  atMs,
  path,
  present,
  owner: present ? owner : undefined,
  instance: { ...INSTANCE, key: path.at(-1)! },
  by,
});
const state = (
  atMs: number,
  client: string,
  status: 'connecting' | 'connected' | 'suspended' | 'lost' | 'closed',
  session?: string,
): HistoryEvent => ({ kind: 'state', atMs, client, status, session });
const told = (
  atMs: number,
  type: 'add' | 'update' | 'delete',
  key = 'a',
  says = INSTANCE.says,
  previous?: string,
): HistoryEvent => ({ kind: 'told', atMs, consumer: 'view', type, key, says, previous });
const want = (atMs: number, path: string | undefined): HistoryEvent => ({
  kind: 'want',
  atMs,
  client: 'one',
  registration: 'r',
  path,
  key: 'a',
});
const set = (atMs: number, ...keys: string[]): HistoryEvent => ({
  kind: 'set',
  atMs,
  consumer: 'view',
  instances: new Map(keys.map((key) => [key, INSTANCE.says])),
});
const fault = (atMs: number, phase: 'begin' | 'end' | 'moment', client?: string): HistoryEvent => ({
  kind: 'fault',
  atMs,
  fault: 'hole',
  phase,
  client,
  stops: 'messages',
});
const attempt = (atMs: number, client = 'one'): HistoryEvent => ({ kind: 'attempt', atMs, client });
const rest = (atMs: number): HistoryEvent => ({ kind: 'rest', atMs });

/** A registration is made, seen, released, and its registry closed. */
const GOOD: readonly HistoryEvent[] = [
  attempt(0),
  { kind: 'session', atMs: 0, session: 'm1', client: 'one', change: 'began' },
  { kind: 'session', atMs: 1, session: 'm2', client: 'two', change: 'began' },
  state(0, 'one', 'connecting'),
  state(1, 'one', 'connected', 'm1'),
  state(1, 'two', 'connecting'),
  state(2, 'two', 'connected', 'm2'),
  { kind: 'consumer', atMs: 3, client: 'two', consumer: 'view', change: 'subscribed', query: 'users', sees },
  set(4),
  want(5_000, PATH),
  node(5_001, true),
  { kind: 'registration', atMs: 5_002, client: 'one', registration: 'r', status: 'registered' },
  told(5_003, 'add'),
  set(5_003, 'a'),
  rest(10_000),
  { kind: 'count', atMs: 10_000, what: 'watches', have: 2, need: 2 },
  want(12_000, undefined),
  node(12_001, false),
  told(12_002, 'delete'),
  set(12_002),
  { kind: 'close', atMs: 15_000, client: 'one', change: 'asked', deadlineMs: 5_000 },
  { kind: 'session', atMs: 15_001, session: 'm1', client: 'one', change: 'ended', by: 'one', nodes: 0, watches: 0 },
  state(15_001, 'one', 'closed'),
  { kind: 'close', atMs: 15_002, client: 'one', change: 'done', deadlineMs: 5_000 },
  rest(30_000),
];

/** The good story without some of its events and with others, in order of time. */
function story(without: (event: HistoryEvent) => boolean, ...others: HistoryEvent[]): HistoryEvent[] {
  return [...GOOD.filter((event) => !without(event)), ...others].sort((a, b) => a.atMs - b.atMs);
}

const none = (): boolean => false;
const broken = (history: readonly HistoryEvent[]): string[] =>
  judge(history, LIMITS)
    .filter(({ flaws }) => flaws.length > 0)
    .map(({ invariant }) => invariant);

describe('the invariants', () => {
  it('hold in a story in which all is well', () => {
    expect(judge(GOOD, LIMITS).flatMap(({ flaws }) => flaws)).toEqual([]);
  });

  it('tell the longest that anything took', () => {
    expect(judge(GOOD, LIMITS).find(({ invariant }) => invariant === 'no vanish')).toMatchObject({
      worstMs: expect.closeTo(1) as number,
    });
  });

  const wrongs: Record<string, Record<string, HistoryEvent[]>> = {
    convergence: {
      'a view that knows too little': story((event) => event.kind === 'told' || event.kind === 'set'),
      'a view that takes it for another': story(
        (event) => event.kind === 'told' && event.type === 'add',
        told(5_003, 'add', 'a', 'a weight=2'),
      ),
      'a client that never came back': story(none, fault(8_000, 'moment'), state(8_000, 'two', 'suspended', 'm2')),
      'a wish that was not granted': story(none, {
        kind: 'want',
        atMs: 5_000,
        client: 'two',
        registration: 'r2',
        path: '/dubbo/users/providers/b',
        key: 'b',
      }),
    },
    'no ghost': {
      'a node that stays': story((event) => event.kind === 'node' && !event.present),
      'a node that comes back': story(none, node(14_000, true), node(14_100, false)),
    },
    'no vanish': {
      'a node that is missing too long': story(none, node(6_000, false, 'operator'), node(7_000, true)),
      'a node left to a session that is dead': story(none, node(4_000, true, 'nobody', PATH, 'm0'), {
        kind: 'session',
        atMs: 4_500,
        session: 'm0',
        client: 'zero',
        change: 'ended',
        by: 'expiry',
      }).filter((event) => event.kind !== 'node' || event.atMs !== 5_001),
      'a move that takes away first': story(
        none,
        want(11_000, '/dubbo/users/providers/b'),
        node(11_001, false),
        node(11_300, true, 'one', '/dubbo/users/providers/b'),
        node(12_001, false, 'one', '/dubbo/users/providers/b'),
      ),
    },
    'no missed removal': {
      'a view that goes on believing': story((event) => event.kind === 'told' && event.type === 'delete'),
      'a removal that was told to nobody': story(none, node(6_000, false, 'operator'), node(6_100, true)),
    },
    'legal events': {
      'an addition of what is there': story(none, told(6_000, 'add')),
      'a removal of what is not': story(none, told(13_000, 'delete')),
      'an update that changes nothing': story(none, told(6_000, 'update', 'a', INSTANCE.says, INSTANCE.says)),
      'a set that is not the sum': story(none, set(6_000)),
    },
    'no empty push': {
      'a removal during an outage': story(
        none,
        fault(8_000, 'begin', 'two'),
        state(8_000, 'two', 'suspended', 'm2'),
        told(8_500, 'delete'),
        fault(9_000, 'end', 'two'),
        state(9_000, 'two', 'connected', 'm2'),
        told(9_001, 'add'),
      ),
      'a last removal that does not arrive': story((event) => event.kind === 'told' && event.type === 'delete'),
    },
    'no flap': {
      'a node taken away in a session that lives': story(none, node(6_000, false), node(6_001, true)),
      'an addition that nothing stands for': story(none, told(6_000, 'add', 'z')),
    },
    'single registration': {
      'a node of no registration': story(none, node(6_000, true, 'one', '/dubbo/users/providers/c')),
    },
    'bounded herd': {
      'one who knocks all the time': story(none, ...[1, 2, 3, 4, 5, 6].map((index) => attempt(6_000 + index))),
      'two who knock in step': story(
        none,
        ...['one', 'two'].flatMap((client) => [0, 300, 700, 1_500].map((atMs) => attempt(6_000 + atMs, client))),
      ),
    },
    'bounded load, no leak': {
      'a watch too many': story(none, { kind: 'count', atMs: 10_000, what: 'watches', have: 3, need: 2 }),
      'a write at rest': story(none, node(10_500, true)),
    },
    liveness: {
      'a hole that is not noticed': story(none, fault(6_000, 'begin', 'one'), fault(9_900, 'end', 'one')),
      'a session that is not given up': story(
        none,
        fault(6_000, 'begin', 'one'),
        state(7_000, 'one', 'suspended', 'm1'),
        fault(9_900, 'end', 'one'),
        state(9_901, 'one', 'connected', 'm1'),
      ),
    },
    'legal states': {
      'a step that is none': story(none, state(8_000, 'one', 'connecting')),
      'another session without a loss': story(
        none,
        state(8_000, 'one', 'suspended', 'm1'),
        state(8_001, 'one', 'connected', 'm9'),
      ),
    },
    'clean shutdown': {
      'a close that never ends': story((event) => event.kind === 'close' && event.change === 'done'),
      'a session ended before its watches': story((event) => event.kind === 'session' && event.change === 'ended', {
        kind: 'session',
        atMs: 15_001,
        session: 'm1',
        client: 'one',
        change: 'ended',
        by: 'one',
        nodes: 0,
        watches: 1,
      }),
      'a write after it': story(none, node(16_000, true, 'one', '/dubbo/users/providers/d', 'm9')),
      'an error that nobody caught': story(none, { kind: 'unhandled', atMs: 6_000, error: 'TypeError' }),
    },
    isolation: {
      'a stream that ends by itself': story(none, { kind: 'ended', atMs: 6_000, client: 'two', stream: 'view' }),
      'garbage that is not reported': story(none, {
        kind: 'node',
        atMs: 6_000,
        path: '/dubbo/users/providers/%',
        present: true,
        instance: undefined,
        by: 'operator',
      }),
      'garbage that is reported again': story(
        none,
        ...[1, 2].map((index): HistoryEvent => ({
          kind: 'warning',
          atMs: 6_000 + index,
          client: 'two',
          code: 'UNREADABLE_NODE',
          path: '/x',
        })),
      ),
    },
  };

  for (const [invariant, histories] of Object.entries(wrongs)) {
    for (const [what, history] of Object.entries(histories)) {
      it(`find ${what}: ${invariant}`, () => {
        expect(broken(history)).toContain(invariant);
      });
    }
  }

  it('let a client be away as long as something is done to it', () => {
    const away = story(
      (event) => event.kind === 'told' || (event.kind === 'set' && event.atMs > 4),
      fault(4_000, 'begin', 'two'),
      state(5_000, 'two', 'suspended', 'm2'),
      state(7_000, 'two', 'lost'),
      fault(29_000, 'end', 'two'),
      state(29_010, 'two', 'connecting'),
      state(29_020, 'two', 'connected', 'm2'),
    ).filter((event) => event.kind !== 'rest' || event.atMs > 10_000);
    expect(broken(away)).toEqual([]);
  });
});

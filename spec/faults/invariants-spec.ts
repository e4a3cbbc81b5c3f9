import { describe, expect, it } from 'vitest';
import type { NodeChange, ServerChange } from '../support/history/serverHistory.js';
import type { Actor, Observation } from '../support/population/actors.js';
import { judge, secondTime } from './cell.js';
import type { Effect, Recording } from './recording.js';

const SERVICE = 'faults.Alpha';
const KEY = `10.9.0.1:20880/${SERVICE}`;

const pathOf = (serial: string): string =>
  `/dubbo/${SERVICE}/providers/${encodeURIComponent(`dubbo://${KEY}?serial=${serial}`)}`;
const put = (serial: string, owner = 'session'): NodeChange => ({ type: 'put', path: pathOf(serial), owner });
const gone = (serial: string): NodeChange => ({ type: 'delete', path: pathOf(serial) });

let revision = 0n;
const step = (at: number, ...changes: NodeChange[]): ServerChange => ({ at, revision: ++revision, changes });
const wants = (at: number, serial: string): Observation => ({ at, actor: 'provider', what: 'wants', key: KEY, serial });
const releases = (at: number): Observation => ({ at, actor: 'provider', what: 'releases' });
const told = (at: number, type: 'add' | 'update' | 'delete', serial: string): Observation => ({
  ...{ at, actor: 'consumer', what: 'told', key: KEY },
  ...{ type, serial },
});
const set = (at: number, services: Record<string, string>): Observation => ({
  ...{ at, actor: 'consumer', what: 'set', services },
});
const state = (at: number, status: string, session?: string): Observation => ({
  ...{ at, actor: 'consumer', what: 'state', status },
  ...(session && { session }),
});

const ACTORS: ReadonlyMap<string, Actor & { process: string }> = new Map([
  [
    'provider',
    { ...{ role: 'provider', name: 'provider', interface: SERVICE }, provides: KEY, steady: true, process: 'A' },
  ],
  ['consumer', { role: 'consumer', name: 'consumer', interface: SERVICE, process: 'B' }],
]);

/** A provider that is there and stays, a consumer that knows it, and a fault of two seconds that nobody noticed. */
const GOOD = {
  changes: [step(1_100, put('a'))],
  observations: [
    state(500, 'connecting'),
    state(600, 'connected', 's'),
    wants(1_000, 'a'),
    told(1_200, 'add', 'a'),
    set(1_201, { [KEY]: 'a' }),
  ],
};

const DURING = 11_000;
const AFTER = 12_500;

interface Story {
  readonly changes?: readonly ServerChange[];
  readonly observations?: readonly Observation[];
  readonly effect?: Partial<Effect>;
  readonly more?: Partial<Recording>;
}

function brokenBy({ changes = [], observations = [], effect = {}, more = {} }: Story): string[] {
  const recording: Recording = {
    ...{ fault: 'a fault', kind: 'etcd', sessionTimeoutMs: 3_000, from: 10_000, healedAt: 12_000, restAt: 20_000 },
    ...{ last: undefined, attempts: 0, loads: [], actors: ACTORS, owners: new Set(['session']) },
    effect: { affected: 'all', ...effect },
    changes: [...GOOD.changes, ...changes],
    observations: [...GOOD.observations, ...observations],
    ...more,
  };
  return judge(recording)
    .filter(({ verdict }) => !verdict.held)
    .map(({ invariant }) => invariant);
}

describe('the invariants of the fault matrix', () => {
  it('hold when nothing happened', () => {
    expect(brokenBy({})).toEqual([]);
  });

  it('hold when an instance went and came back, and everybody was told', () => {
    const story: Story = {
      changes: [step(DURING, gone('a')), step(AFTER, put('a', 'another'))],
      observations: [told(AFTER + 1, 'delete', 'a'), told(AFTER + 2, 'add', 'a')],
      more: { owners: new Set() },
    };
    expect(brokenBy(story)).toEqual([]);
  });

  it('hold when a node that was taken back is replaced in one step, and goes', () => {
    const story: Story = {
      changes: [step(DURING + 1, gone('a'), put('a', 'another')), step(DURING + 1_800, gone('a'))],
      observations: [releases(DURING), told(DURING + 1_801, 'delete', 'a'), set(DURING + 1_802, {})],
      more: { owners: new Set() },
    };
    expect(brokenBy(story)).toEqual([]);
  });

  it.each([
    ['slow', []],
    ['quick', ['no ghost']],
  ])('judge what came back over a %s link by when that is over', (link, broken) => {
    const back = [step(DURING + 1, gone('a')), step(DURING + 2, put('a')), step(DURING + 1_800, gone('a'))];
    const story: Story = {
      changes: back,
      observations: [releases(DURING), told(DURING + 1_801, 'delete', 'a'), set(DURING + 1_802, {})],
      effect: { slow: link === 'slow' },
      more: { owners: new Set() },
    };
    expect(brokenBy(story)).toEqual(broken);
  });

  it.each<[string, string, Story]>([
    ['convergence', 'a view stays behind', { changes: [step(AFTER, put('b')), step(AFTER, gone('a'))] }],
    [
      'convergence',
      'it takes too long',
      {
        changes: [step(19_000, gone('a')), step(19_000, put('a'))],
        observations: [told(19_001, 'delete', 'a'), told(19_002, 'add', 'a')],
      },
    ],
    ['no ghost', 'what was taken back stays', { observations: [releases(DURING)] }],
    [
      'no ghost',
      'it comes back and stays',
      { observations: [releases(DURING)], changes: [step(DURING, gone('a')), step(AFTER, put('a'))] },
    ],
    [
      'no ghost',
      'what cannot be heard any more stays',
      { effect: { unheard: true }, more: { healedAt: 19_000, owners: new Set() } },
    ],
    [
      'no vanish',
      'it is missing for too long',
      { changes: [step(AFTER, gone('a')), step(19_500, put('a'))], more: { owners: new Set() } },
    ],
    [
      'no missed removal',
      'a removal is not told',
      { changes: [step(AFTER, gone('a'))], observations: [releases(AFTER)] },
    ],
    ['legal events', 'it is added twice', { observations: [told(DURING, 'add', 'a')] }],
    ['legal events', 'it is told as it never was', { observations: [told(DURING, 'update', 'b')] }],
    ['legal events', 'a set is not what the events add up to', { observations: [set(DURING, {})] }],
    [
      'legal events',
      'it is told as it was before what was told already',
      {
        changes: [step(DURING, gone('a')), step(DURING + 1, put('b'))],
        observations: [wants(DURING, 'b'), told(DURING + 2, 'delete', 'a'), told(DURING + 3, 'add', 'a')],
      },
    ],
    ['no empty push', 'it is taken away though it never went', { observations: [told(DURING, 'delete', 'a')] }],
    [
      'no empty push',
      'that the last one went is not told',
      {
        more: { last: { at: AFTER, key: KEY } },
        changes: [step(AFTER + 1, gone('a'))],
        observations: [releases(AFTER)],
      },
    ],
    ['no flap', 'its node was touched', { changes: [step(DURING, put('a'))] }],
    [
      'no flap',
      'it goes with a session of the past',
      {
        changes: [step(AFTER, gone('a')), step(AFTER + 10, put('a', 'another'))],
        observations: [
          { at: DURING, actor: 'provider', what: 'registration', status: 'registered', serial: 'a' },
          ...[told(AFTER + 1, 'delete', 'a'), told(AFTER + 11, 'add', 'a')],
        ],
        more: { owners: new Set(['another']) },
      },
    ],
    ['no flap', 'its session did not survive', { effect: { survivable: true }, more: { owners: new Set() } }],
    [
      'single registration',
      'it is there twice',
      { changes: [step(AFTER, put('b'))], observations: [wants(AFTER, 'b'), told(AFTER + 1, 'update', 'b')] },
    ],
    ['liveness', 'nobody notices that nothing comes', { effect: { silenced: true }, more: { healedAt: 19_000 } }],
    [
      'liveness',
      'the session is given up at 1.4 T',
      {
        effect: { silenced: true },
        observations: [state(11_000, 'suspended', 's'), state(14_200, 'lost')],
        more: { healedAt: 19_000 },
      },
    ],
    ['liveness', 'a process that stood still does not know it', { effect: { stopped: true } }],
    ['legal states', 'a step is left out', { observations: [state(DURING, 'connecting')] }],
    [
      'legal states',
      'another session comes without a loss',
      { observations: [state(DURING, 'suspended', 's'), state(AFTER, 'connected', 'another')] },
    ],
    ['bounded herd', 'attempts do not wait', { more: { attempts: 40 } }],
    ['bounded load, no leak', 'a watch stays', { more: { loads: [{ of: 'watches', have: 3, need: 2 }] } }],
    [
      'clean shutdown',
      'it takes its time',
      { observations: [{ at: AFTER, actor: 'consumer', what: 'closed', tookMs: 9_000 }] },
    ],
    [
      'clean shutdown',
      'a process does not end',
      { observations: [{ at: AFTER, actor: 'B', what: 'left', byItself: false }] },
    ],
    ['isolation', 'nobody catches an error', { observations: [{ at: AFTER, actor: 'B', what: 'broke', cause: 'x' }] }],
    [
      'isolation',
      'a stream ends',
      { observations: [{ at: AFTER, actor: 'consumer', what: 'ended', stream: 'sets', cause: 'x' }] },
    ],
  ])('%s is broken when %s', (invariant, _, story) => {
    expect(brokenBy(story)).toContain(invariant);
  });
});

describe('a fault that was played twice', () => {
  const cell = (invariant: string, held: boolean, seen: readonly string[] = []) =>
    ({ kind: 'etcd', fault: 'a fault', invariant, verdict: { held, seen } }) as const;

  it('tells what did not hold the first time with the cells of the second', () => {
    const first = [cell('no ghost', false, ['it came back']), cell('no flap', true)];
    const second = [cell('no ghost', true), cell('no flap', true)];
    expect(secondTime(first, second)).toEqual([{ ...second[0], before: ['it came back'] }, second[1]]);
  });

  it('tells also why it could not be judged the first time', () => {
    const first = [cell('the suite itself', false, ['no server'])];
    const second = [cell('no ghost', true), cell('no flap', false, ['told'])];
    expect(secondTime(first, second)).toEqual([{ ...second[0], before: ['no server'] }, second[1]]);
  });
});

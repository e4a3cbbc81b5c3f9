import { EMPTY, firstValueFrom, NEVER, of } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { etcd } from '../lib/backends/etcd/index.js';
import { memory, MemoryServer } from '../lib/backends/memory/index.js';
import { memoryServer } from '../lib/backends/memory/memoryServer.js';
import { zookeeper } from '../lib/backends/zookeeper/index.js';
import { applyOverrides, asJson, asProperties, asText, asYaml } from '../lib/config/index.js';
import { createDashboard } from '../lib/dashboard/index.js';
import { InvalidOptionError } from '../lib/errors.js';
import { registerGrpcResolver } from '../lib/grpc/index.js';
import { createConfigCenter, createRegistry, drain, InstanceSet, iterate } from '../lib/index.js';
import { fullJitter, retryWithBackoff } from '../lib/backend.js';
import {
  balance,
  CallMeter,
  coalesce,
  consistentHash,
  ejectOutliers,
  emptyProtection,
  leastLoaded,
  limitConcurrency,
  panic,
  powerOfTwoChoices,
  preferZone,
  random,
  rendezvous,
  roundRobin,
  shortestResponse,
  smoothWeightedRoundRobin,
  stabilize,
  sticky,
  subset,
  warmUp,
} from '../lib/operators/index.js';
import { fakeInstance, marbleBackend, scenario } from '../lib/testing/index.js';

/** What is given where an options object is expected. */
type Options = Record<string, unknown>;

/** A call of something public with options. */
type Use = (options: never) => unknown;

const config = { watch: () => NEVER };
const provisions = { release: () => Promise.resolve() };

/** Everything public that takes options, with those that it needs. */
const USES: Readonly<Record<string, readonly [use: Use, needed?: Options]>> = {
  createRegistry: [(options) => createRegistry('memory://', options)],
  'createRegistry, on a backend': [(options) => createRegistry(memory(), options)],
  createConfigCenter: [(options) => createConfigCenter('memory://', options)],
  'createConfigCenter, on a backend': [(options) => createConfigCenter(memory(), options)],
  createDashboard: [(options) => createDashboard(createRegistry('memory://'), options)],
  zookeeper: [(options) => zookeeper('h', options)],
  etcd: [(options) => etcd('h', options)],
  memory: [(options) => memory(options)],
  MemoryServer: [(options) => new MemoryServer(options)],
  fullJitter: [(options) => fullJitter(options)],
  retryWithBackoff: [(options) => retryWithBackoff(options)],
  drain: [(options) => drain(options), { provisions }],
  iterate: [(options) => iterate(EMPTY, options), { buffer: 'all' }],
  asYaml: [(options) => asYaml(options)],
  asJson: [(options) => asJson(options)],
  asProperties: [(options) => asProperties(options)],
  asText: [(options) => asText(options)],
  applyOverrides: [(options) => applyOverrides(config, options)],
  coalesce: [(options) => coalesce(options)],
  ejectOutliers: [(options) => ejectOutliers(EMPTY, options)],
  emptyProtection: [(options) => emptyProtection(options), { holdMs: 1_000 }],
  panic: [(options) => panic((sets) => sets, options)],
  preferZone: [(options) => preferZone('eu', options)],
  stabilize: [(options) => stabilize(options), { removeAfterMs: 1_000 }],
  subset: [(options) => subset(options), { size: 3, by: 'me' }],
  warmUp: [(options) => warmUp(options)],
  balance: [(options) => balance(random(), options)],
  CallMeter: [(options) => new CallMeter(options)],
  consistentHash: [(options) => consistentHash(options)],
  powerOfTwoChoices: [(options) => powerOfTwoChoices(options)],
  random: [(options) => random(options)],
  roundRobin: [(options) => roundRobin(options)],
  smoothWeightedRoundRobin: [(options) => smoothWeightedRoundRobin(options)],
  leastLoaded: [(options) => leastLoaded(options)],
  rendezvous: [(options) => rendezvous(options)],
  shortestResponse: [(options) => shortestResponse(options)],
  sticky: [(options) => sticky(random(), options)],
  limitConcurrency: [(options) => limitConcurrency(random(), options)],
  registerGrpcResolver: [
    (options) => registerGrpcResolver({ instances: () => NEVER }, options).unregister(),
    { scheme: 'options' },
  ],
  scenario: [(options) => scenario(options)],
  marbleBackend: [(options) => marbleBackend(options)],
};

/** Every duration of the package: who takes it, its name, and the least that is taken. */
const DURATIONS: readonly [use: string, option: string, least: number][] = [
  ['createRegistry', 'timeoutMs', 0],
  ['createRegistry', 'retry.baseMs', 1],
  ['createRegistry', 'retry.maxMs', 1],
  ['createConfigCenter', 'timeoutMs', 0],
  ['createConfigCenter', 'retry.baseMs', 1],
  ['createConfigCenter', 'retry.maxMs', 1],
  ['zookeeper', 'sessionTimeoutMs', 1_000],
  ['zookeeper', 'reconnect.baseMs', 1],
  ['zookeeper', 'reconnect.maxMs', 1],
  ['etcd', 'sessionTimeoutMs', 1_000],
  ['etcd', 'reconnect.baseMs', 1],
  ['etcd', 'reconnect.maxMs', 1],
  ['etcd', 'tuning.callTimeoutMs', 1],
  ['etcd', 'tuning.keepaliveTimeMs', 1],
  ['etcd', 'tuning.keepaliveTimeoutMs', 1],
  ['memory', 'sessionTimeoutMs', 1],
  ['memory', 'reconnect.baseMs', 1],
  ['memory', 'reconnect.maxMs', 1],
  ['MemoryServer', 'latencyMs', 0],
  ['fullJitter', 'baseMs', 1],
  ['fullJitter', 'maxMs', 1],
  ['retryWithBackoff', 'baseMs', 1],
  ['retryWithBackoff', 'maxMs', 1],
  ['drain', 'deadlineMs', 0],
  ['drain', 'releaseMs', 0],
  ['drain', 'propagationMs', 0],
  ['drain', 'closeMs', 0],
  ['applyOverrides', 'waitMs', 0],
  ['coalesce', 'auditMs', 1],
  ['ejectOutliers', 'intervalMs', 1],
  ['ejectOutliers', 'baseEjectionMs', 1],
  ['ejectOutliers', 'maxEjectionMs', 1],
  ['emptyProtection', 'holdMs', 1],
  ['stabilize', 'removeAfterMs', 0],
  ['warmUp', 'durationMs', 1],
  ['warmUp', 'tickMs', 1],
  ['balance', 'waitMs', 0],
  ['balance', 'startMs', 0],
  ['powerOfTwoChoices', 'decayMs', 1],
  ['powerOfTwoChoices', 'failurePenaltyMs', 1],
  ['shortestResponse', 'windowMs', 1],
  ['shortestResponse', 'failurePenaltyMs', 1],
  ['limitConcurrency', 'slowMs', 1],
  ['registerGrpcResolver', 'startMs', 0],
  ['registerGrpcResolver', 'retry.baseMs', 1],
  ['registerGrpcResolver', 'retry.maxMs', 1],
  ['scenario', 'latencyMs', 0],
  ['scenario', 'sessionTimeoutMs', 1],
  ['marbleBackend', 'sessionTimeoutMs', 1],
];

/** The options in which a path such as `retry.baseMs` has a value. */
function withOption(path: string, value: unknown): Options {
  const [name = '', ...rest] = path.split('.');
  return { [name]: rest.length === 0 ? value : withOption(rest.join('.'), value) };
}

function call(use: string, options: unknown): unknown {
  return USES[use]![0](options as never);
}

describe('every duration', () => {
  // Past the last of them Node.js takes a timer for one of a millisecond.
  const bad = [-1, NaN, Infinity, 2_147_483_647.5, 2 ** 31, '5', null, 1n, []];

  it.each(DURATIONS)('%s takes %s from %d up to what a timer can wait, and says so', (use, option, least) => {
    const needed = USES[use]![1];
    const name = option.split('.').at(-1)!;
    for (const value of [...bad, ...(least > 0 ? [0, least - 0.5] : [])]) {
      const options = { ...needed, ...withOption(option, value) };
      expect(() => call(use, options), String(value)).toThrow(InvalidOptionError);
      expect(() => call(use, options), String(value)).toThrow(name);
      expect(() => call(use, options), String(value)).toThrow(/millisecond|whole number from 1 to/);
    }
  });

  it('session timeouts are whole, and at most an hour: rounded up to seconds they still fit a timer', () => {
    for (const backend of [zookeeper, etcd]) {
      for (const sessionTimeoutMs of [1_000, 3_600_000]) expect(() => backend('h', { sessionTimeoutMs })).not.toThrow();
      for (const sessionTimeoutMs of [999, 1_000.5, 3_600_000.5, 3_600_001, 2_147_483_647]) {
        expect(() => backend('h', { sessionTimeoutMs })).toThrow('from 1000 to 3600000');
      }
    }
  });

  it('deadlines and timeouts of single calls, too', async () => {
    for (const value of [-1, NaN, 2 ** 31, '5', null] as number[]) {
      const registry = createRegistry('memory://');
      const center = createConfigCenter('memory://');
      expect(() => registry.close({ deadlineMs: value })).toThrow(InvalidOptionError);
      expect(() => center.close({ deadlineMs: value })).toThrow(InvalidOptionError);
      expect(() => memory().close(value)).toThrow(InvalidOptionError);
      await expect(registry.lookup({ interface: 'a' }, { timeoutMs: value })).rejects.toThrow(InvalidOptionError);
      await expect(registry.provide('tri://h:1/a', { timeoutMs: value })).rejects.toThrow(InvalidOptionError);
      await expect(center.get('a', { timeoutMs: value })).rejects.toThrow(InvalidOptionError);
      await expect(center.publish('a', '', { timeoutMs: value })).rejects.toThrow(InvalidOptionError);
      await expect(center.remove('a', { timeoutMs: value })).rejects.toThrow(InvalidOptionError);
    }
  });
});

describe('options that plain JavaScript may give', () => {
  const uses = Object.keys(USES);

  it.each(uses)('%s takes an object or nothing, and says so', (use) => {
    for (const options of [null, 5, 'a', true, () => undefined]) {
      expect(() => call(use, options), String(options)).toThrow(InvalidOptionError);
    }
    // Nothing at all, where something is needed.
    if (USES[use]![1] && use !== 'registerGrpcResolver') {
      expect(() => call(use, undefined)).toThrow(InvalidOptionError);
    }
  });

  it('names what is needed', () => {
    const javascript = stabilize as unknown as () => unknown;
    expect(() => javascript()).toThrow('Expected option `options` to be an object with removeAfterMs');
  });

  it.each([
    leastLoaded,
    roundRobin,
    random,
    rendezvous,
    smoothWeightedRoundRobin,
    consistentHash,
    powerOfTwoChoices,
    shortestResponse,
  ])('balance(%o), which makes a balancer and is none, is refused with how to write it', (maker) => {
    const given = maker as never;
    expect(() => balance(given)).toThrow(InvalidOptionError);
    expect(() => balance(given)).toThrow(`${maker.name}()`);
    expect(() => sticky(given)).toThrow(InvalidOptionError);
  });

  it('what is no balancer is told at the latest to who subscribes', async () => {
    const makesNone = ((clock: unknown) => ({ clock })) as never;
    const sets = of(new InstanceSet(new Map([['a', fakeInstance()]])));
    await expect(firstValueFrom(sets.pipe(balance(makesNone)))).rejects.toThrow(InvalidOptionError);
    await expect(firstValueFrom(sets.pipe(balance(sticky(makesNone))))).rejects.toThrow(InvalidOptionError);
    expect(() => balance(makesNone)).not.toThrow();
    expect(() => balance(5 as never)).toThrow(InvalidOptionError);
  });

  it('an error names any value, whatever it does when it is asked for its text', () => {
    for (const value of [Object.create(null), { toString: () => assertNever() }, Symbol('s'), () => 1]) {
      expect(() => fullJitter({ baseMs: value as never })).toThrow(InvalidOptionError);
    }
    function assertNever(): never {
      throw new Error('asked');
    }
  });
});

describe('an option that is undefined is not given', () => {
  const NAMES: Readonly<Record<string, readonly string[]>> = {
    createRegistry: ['group', 'timeoutMs', 'retry'],
    createConfigCenter: ['namespace', 'base64', 'dottedKeys', 'timeoutMs', 'retry'],
    createDashboard: ['token', 'authorize', 'basePath', 'title'],
    zookeeper: ['sessionTimeoutMs', 'username', 'password', 'acl', 'reconnect', 'persistentWatches'],
    etcd: ['sessionTimeoutMs', 'username', 'password', 'tls', 'reconnect', 'tuning'],
    memory: ['server', 'sessionTimeoutMs', 'reconnect'],
    MemoryServer: ['scheduler', 'latencyMs', 'expires'],
    fullJitter: ['baseMs', 'maxMs', 'random'],
    retryWithBackoff: ['baseMs', 'maxMs', 'random', 'isFatal', 'onRetry', 'scheduler'],
    drain: ['inFlight', 'close', 'deadlineMs', 'releaseMs', 'propagationMs', 'closeMs', 'signal', 'scheduler'],
    iterate: ['signal'],
    asYaml: ['fallback', 'onInvalid', 'schema'],
    asJson: ['fallback', 'onInvalid', 'schema'],
    asProperties: ['fallback', 'onInvalid', 'schema'],
    asText: ['fallback', 'onInvalid', 'schema'],
    applyOverrides: ['application', 'host', 'service', 'overrides', 'waitMs', 'onInvalid', 'scheduler'],
    coalesce: ['auditMs', 'scheduler'],
    ejectOutliers: [
      'trialCalls',
      'intervalMs',
      'baseEjectionMs',
      'maxEjectionMs',
      'deviations',
      'maxEjectedShare',
      'scheduler',
    ],
    emptyProtection: ['minShare', 'evidence', 'scheduler'],
    panic: ['threshold', 'recoverAt'],
    preferZone: ['mode', 'minimum', 'fallback', 'elsewhere', 'zoneOf', 'traffic'],
    stabilize: ['scheduler'],
    warmUp: ['durationMs', 'tickMs', 'scheduler'],
    balance: ['meter', 'waitMs', 'startMs', 'trialCalls', 'maxHedgedShare', 'isFailure', 'scheduler'],
    CallMeter: ['scheduler'],
    consistentHash: ['maxLoad', 'points', 'random'],
    powerOfTwoChoices: ['decayMs', 'failurePenaltyMs', 'random'],
    random: ['random'],
    rendezvous: ['random'],
    roundRobin: ['random'],
    smoothWeightedRoundRobin: ['random'],
    leastLoaded: ['random'],
    shortestResponse: ['windowMs', 'failurePenaltyMs', 'random'],
    sticky: ['maxKeys'],
    limitConcurrency: ['initial', 'min', 'max', 'backoff', 'slowMs', 'limits'],
    registerGrpcResolver: [
      'balancer',
      'meter',
      'trialCalls',
      'isFailure',
      'keyOf',
      'protocols',
      'loadBalancing',
      'startMs',
      'through',
      'grpc',
      'retry',
      'scheduler',
    ],
    scenario: ['scheduler', 'latencyMs', 'sessionTimeoutMs'],
    marbleBackend: ['states', 'contents', 'values', 'group', 'sessionTimeoutMs', 'scheduler'],
  };

  it.each(Object.keys(NAMES))('%s', (use) => {
    const undefineds = Object.fromEntries(NAMES[use]!.map((name) => [name, undefined]));
    expect(() => call(use, { ...USES[use]![1], ...undefineds })).not.toThrow();
  });

  it('so a registry keeps the group and the timeout of its address', async () => {
    const server = memoryServer('options-registry');
    const registry = createRegistry('memory://options-registry?group=shop&timeout=7', {
      group: undefined,
      timeoutMs: undefined,
      retry: { baseMs: undefined, maxMs: undefined },
    });
    onTestFinished(() => registry.close());
    await registry.provide('tri://h:1/a', { timeoutMs: 10_000 });
    expect(server.paths).toContain('/shop/a/providers');
    server.freeze();
    await expect(registry.lookup({ interface: 'b' })).rejects.toThrow('Waited 7 ms');
    server.thaw();
  });

  it('a configuration center its namespace, its encoding and its timeout', async () => {
    const server = memoryServer('options-config');
    const center = createConfigCenter('memory://options-config?namespace=shop&base64=true&timeout=7', {
      namespace: undefined,
      base64: undefined,
      timeoutMs: undefined,
      dottedKeys: undefined,
    });
    onTestFinished(() => center.close());
    await center.publish('a', 'text', { ifVersion: undefined, group: undefined, timeoutMs: 10_000 });
    expect(server.paths).toContain('/shop/config/dubbo/a');
    const plain = createConfigCenter('memory://options-config?namespace=shop');
    onTestFinished(() => plain.close());
    expect(await plain.get('a', { timeoutMs: undefined, signal: undefined })).toMatchObject({ content: 'dGV4dA==' });
    server.freeze();
    await expect(center.get('b')).rejects.toThrow('Waited 7 ms');
    server.thaw();
  });

  it('a scenario draws the same waits in every run, also where it is told nothing of them', () => {
    const times = (): readonly number[] => {
      const world = scenario();
      onTestFinished(() => world.close());
      const { registry } = world.client({ reconnect: { random: undefined }, retry: { random: undefined } });
      const attempts: number[] = [];
      world.server.stop();
      registry.states.subscribe(({ status }) => status === 'connecting' && attempts.push(world.nowMs));
      world.pass('20s');
      return attempts;
    };
    const once = times();
    expect(once.length).toBeGreaterThan(5);
    expect(times()).toEqual(once);
  });
});

import { startWith, Subject } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { combineRegistries, createRegistry, type Registry, type ServiceUrl } from '../../lib/index.js';
import {
  FAKE_INTERFACE,
  fakeInstances,
  legalEvents,
  legalStates,
  marbleBackend,
  recordOf,
  scenario,
  type Scenario,
} from '../../lib/testing/index.js';

const query = { interface: FAKE_INTERFACE };
const [a, b, c] = fakeInstances(3);

/** What all kinds of registries are made of; each must do whatever a registry does. */
const KINDS: readonly [string, (one: () => Registry, story: Scenario) => Registry][] = [
  ['one registry', (one) => one()],
  ['one as several', (one, { scheduler }) => combineRegistries({ one: one() }, { scheduler })],
  [
    'one twice, read as a union',
    (one, { scheduler }) => combineRegistries({ a: one(), b: one() }, { scheduler, write: ['a'] }),
  ],
  [
    'one twice, with failover',
    (one, { scheduler }) => combineRegistries({ a: one(), b: one() }, { scheduler, write: ['a'], read: 'failover' }),
  ],
  [
    'one twice, one preferred',
    (one, { scheduler }) => combineRegistries({ a: one(), b: one() }, { scheduler, write: ['b'], read: 'prefer' }),
  ],
  [
    'one and one that is away',
    (one, { scheduler }) =>
      combineRegistries({ away: createRegistry(marbleBackend({ states: 'k', scheduler })), one: one() }, { scheduler }),
  ],
  [
    'one and a combination',
    (one, { scheduler }) =>
      combineRegistries(
        { one: one(), both: combineRegistries({ a: one() }, { scheduler }) },
        { scheduler, write: ['one'] },
      ),
  ],
];

describe.each(KINDS)('whatever a registry does is done by %s', (_, make) => {
  let story: Scenario;
  let provider: Registry;
  let consumer: Registry;
  let cut: () => void;
  let heal: () => void;
  beforeEach(() => {
    story = scenario({ sessionTimeoutMs: 10_000 });
    const clients = [] as ReturnType<Scenario['client']>[];
    const one = (): Registry => {
      const client = story.client();
      clients.push(client);
      return client.registry;
    };
    provider = make(one, story);
    consumer = make(one, story);
    cut = () => clients.forEach((client) => client.cut());
    heal = () => clients.forEach((client) => client.heal());
  });

  const follow = (registry: Registry) => {
    const events = recordOf(registry.subscribe(query).pipe(legalEvents()), story);
    const told = (): string[] => events.values.map(({ type, service }) => `${type} ${service.host}`);
    return { events, told };
  };

  it('tells who comes, changes and goes, each once', () => {
    const { told } = follow(consumer);
    const urls = new Subject<ServiceUrl>();
    const states = recordOf(provider.register(urls.pipe(startWith(a))), story);
    story.pass('5s');
    expect(told()).toEqual([`add ${a.host}`]);
    expect(states.values.at(-1)!.status).toBe('registered');
    urls.next(a.with({ parameters: { weight: '7' } }));
    story.pass('5s');
    urls.next(b);
    story.pass('5s');
    expect(told().slice(0, 2)).toEqual([`add ${a.host}`, `update ${a.host}`]);
    expect(told().slice(2).sort()).toEqual([`add ${b.host}`, `delete ${a.host}`]);
    expect(states.error).toBeUndefined();
  });

  it('tells the present set to who comes late, and says when it is complete', () => {
    provider.register(a).subscribe();
    provider.register(b).subscribe();
    story.pass('5s');
    const events = recordOf(consumer.subscribe(query, { synced: true }), story);
    story.pass('5s');
    expect(events.values.map(({ type }) => type)).toEqual(['add', 'add', 'synced']);
    const empty = recordOf(consumer.instances({ interface: 'com.acme.Nobody' }), story);
    story.pass('5s');
    expect(empty.values.map(({ size }) => size)).toEqual([0]);
  });

  it('withdraws and comes back by one stream, and takes back what is unsubscribed', () => {
    const { told } = follow(consumer);
    const urls = new Subject<ServiceUrl | undefined>();
    const states = recordOf(provider.register(urls), story);
    const registration = provider.register(c).subscribe();
    urls.next(a);
    story.pass('5s');
    urls.next(undefined);
    story.pass('5s');
    expect(states.values.at(-1)!.status).toBe('withdrawn');
    urls.next(a);
    story.pass('5s');
    expect(states.values.at(-1)!.status).toBe('registered');
    registration.unsubscribe();
    story.pass('5s');
    expect(told().filter((event) => event.endsWith(` ${a.host}`))).toEqual([
      `add ${a.host}`,
      `delete ${a.host}`,
      `add ${a.host}`,
    ]);
    expect(told().at(-1)).toBe(`delete ${c.host}`);
  });

  it('goes on through an outage: nothing is taken back, and what is lost comes back', () => {
    const { told } = follow(consumer);
    const states = recordOf(consumer.states.pipe(legalStates({ fromStart: true })), story);
    provider.register(a).subscribe();
    story.pass('5s');
    cut();
    story.pass('1m');
    // The consumer is away, too: it knows what it knew.
    expect(told()).toEqual([`add ${a.host}`]);
    heal();
    story.pass('1m');
    expect(foldOf(told())).toEqual([a.host]);
    expect(states.error).toBeUndefined();
    expect(states.values.at(-1)!.status).toBe('connected');
  });

  it('says how it is: connected or since when not, what stands and what is known', () => {
    const health = recordOf(provider.health, story);
    provider.register(a).subscribe();
    provider.instances(query).subscribe();
    story.pass('5s');
    const { isConnected, registrations, views } = health.values.at(-1)!;
    expect({ isConnected, registrations, views }).toEqual({
      isConnected: true,
      registrations: { wanted: 1, standing: 1 },
      views: { known: 1, kept: 0, unknown: 0 },
    });
    cut();
    story.pass('1m');
    expect(health.values.at(-1)).toMatchObject({ isConnected: false, registrations: { wanted: 1, standing: 0 } });
    expect(health.values.at(-1)!.disconnectedSince).toBeLessThan(story.scheduler.now());
    heal();
    story.pass('1m');
    expect(health.values.at(-1)).toMatchObject({ isConnected: true, registrations: { wanted: 1, standing: 1 } });
  });

  it('keeps its promises: lookup, provide, release, pick, and an end', async () => {
    const provision = await story.settle(provider.provide(a));
    expect((await story.settle(consumer.lookup(query))).size).toBe(1);
    const picker = consumer.picker(query);
    expect(await story.settle(picker.run(({ host }) => host))).toBe(a.host);
    await story.settle(provision.release());
    expect((await story.settle(consumer.lookup(query))).size).toBe(0);
    const events = recordOf(consumer.subscribe(query), story);
    await story.settle(Promise.all([consumer.close(), provider.close()]));
    expect(events.status).toBe('completed');
    await expect(story.settle(consumer.lookup(query))).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('refuses what cannot be, and lets a mistake end nothing else', () => {
    const { told } = follow(consumer);
    provider.register(a).subscribe();
    const twice = recordOf(provider.register(a), story);
    const broken = recordOf(provider.register('no url'), story);
    const unknown = recordOf(consumer.instances('nothing at all'), story);
    story.pass('5s');
    expect(twice.error).toMatchObject({ code: 'DUPLICATE_REGISTRATION' });
    expect(broken.error).toMatchObject({ code: 'INVALID_URL' });
    expect(unknown.error).toMatchObject({ code: 'INVALID_URL' });
    expect(told()).toEqual([`add ${a.host}`]);
  });
});

/** Who is there after events such as `add 10.0.0.1`. */
function foldOf(told: readonly string[]): string[] {
  const present = new Set<string>();
  for (const event of told) {
    const [type, host] = event.split(' ') as [string, string];
    if (type === 'delete') present.delete(host);
    else present.add(host);
  }
  return [...present];
}

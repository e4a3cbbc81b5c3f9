import { firstValueFrom, NEVER, of, throwError } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import {
  createRegistry,
  type InstanceSet,
  InvalidOptionError,
  memoryCache,
  type Registry,
  type RegistryCache,
  type RegistryOptions,
  type RegistryWarning,
  type ServiceUrl,
} from '../../lib/index.js';
import { FAKE_INTERFACE, fakeInstances } from '../../lib/testing/index.js';
import { eventually } from '../support/servers/eventually.js';

const query = { interface: FAKE_INTERFACE };
const [a, b, c] = fakeInstances(3);

/** A client of a server, and what it tells: sets as `kept a b`, events as `add a`. */
function client(server: MemoryServer, cache: RegistryCache | undefined, options: RegistryOptions = {}) {
  const registry = createRegistry(memory({ server, sessionTimeoutMs: 60_000, reconnect: { baseMs: 10, maxMs: 50 } }), {
    ...(cache && { cache }),
    ...options,
  });
  // A server that is cut off acknowledges no end.
  onTestFinished(() => registry.close({ deadlineMs: 50 }));
  const warnings: RegistryWarning[] = [];
  registry.warnings.subscribe((warning) => warnings.push(warning));
  return { registry, warnings };
}

function follow(registry: Registry) {
  const sets: string[] = [];
  const events: string[] = [];
  registry.instances(query).subscribe((set) => sets.push(textOf(set)));
  registry.subscribe(query, { synced: true }).subscribe((event) => {
    events.push(event.type === 'synced' ? 'synced' : `${event.type} ${hostOf(event.service)}`);
  });
  return { sets, events };
}

const hostOf = (url: ServiceUrl): string => url.host;
const textOf = (set: InstanceSet): string => [set.origin, ...set.toArray().map(hostOf).sort()].join(' ');

/** A cache of that server with what a former process was told. */
async function filled(server: MemoryServer, ...instances: ServiceUrl[]) {
  const cache = memoryCache({ afterMs: 20 });
  const provider = client(server, undefined).registry;
  const provisions = await Promise.all(instances.map((url) => provider.provide(url)));
  const former = client(server, cache).registry;
  await eventually(async () => expect((await former.lookup(query)).size).toBe(instances.length));
  await former.close();
  expect(cache.texts.size).toBe(1);
  return { cache, provider, provisions };
}

describe('a registry with a cache', () => {
  it('tells what was kept where the registry does not answer in time, and then only what changed', async () => {
    const server = new MemoryServer();
    const { cache, provisions, provider } = await filled(server, a, b);
    server.cut();
    const { registry, warnings } = client(server, cache);
    const { sets, events } = follow(registry);
    await eventually(() => expect(sets).toEqual([`kept ${a.host} ${b.host}`]));
    expect(events).toEqual([`add ${a.host}`, `add ${b.host}`]);
    const health = await firstValueFrom(registry.health);
    expect(health.views).toEqual({ known: 0, kept: 1, unknown: 0 });
    server.heal();
    await provisions[1]!.release();
    await provider.provide(c);
    await eventually(() => expect(sets.at(-1)).toBe(`registry ${a.host} ${c.host}`));
    expect(events.slice(2).sort()).toEqual([`add ${c.host}`, `delete ${b.host}`, 'synced'].sort());
    expect(warnings).toEqual([]);
  });

  it('confirms a set in which nothing has changed, and tells no event', async () => {
    const server = new MemoryServer();
    const { cache } = await filled(server, a, b);
    server.cut();
    const { registry } = client(server, cache);
    const { sets, events } = follow(registry);
    await eventually(() => expect(sets.length).toBe(1));
    server.heal();
    await eventually(() => expect(sets).toEqual([`kept ${a.host} ${b.host}`, `registry ${a.host} ${b.host}`]));
    await eventually(() => expect(events).toEqual([`add ${a.host}`, `add ${b.host}`, 'synced']));
    expect((await firstValueFrom(registry.health)).views).toEqual({ known: 1, kept: 0, unknown: 0 });
  });

  it('tells nothing that was kept where the registry answers', async () => {
    const server = new MemoryServer();
    const { cache } = await filled(server, a);
    const { registry } = client(server, { ...cache, afterMs: 5_000 });
    const { sets } = follow(registry);
    await eventually(() => expect(sets).toEqual([`registry ${a.host}`]));
    server.cut();
    const { sets: late } = follow(registry);
    expect(late).toEqual([`registry ${a.host}`]);
  });

  it('takes back what was kept and is gone, also where nothing is left', async () => {
    const server = new MemoryServer();
    const { cache, provisions } = await filled(server, a, b);
    for (const provision of provisions) await provision.release();
    server.cut();
    const { registry } = client(server, cache);
    const { sets, events } = follow(registry);
    await eventually(() => expect(sets.length).toBe(1));
    server.heal();
    await eventually(() => expect(sets.at(-1)).toBe('registry'));
    await eventually(() =>
      expect(events).toEqual([`add ${a.host}`, `add ${b.host}`, `delete ${a.host}`, `delete ${b.host}`, 'synced']),
    );
  });

  it('follows what was kept as any other instance after it was confirmed', async () => {
    const server = new MemoryServer();
    const { cache, provisions } = await filled(server, a, b);
    server.cut();
    const { registry } = client(server, cache);
    const { sets } = follow(registry);
    await eventually(() => expect(sets.length).toBe(1));
    server.heal();
    await eventually(() => expect(sets.at(-1)).toBe(`registry ${a.host} ${b.host}`));
    await provisions[0]!.release();
    await eventually(() => expect(sets.at(-1)).toBe(`registry ${b.host}`));
  });

  it('answers a lookup and a picker from what was kept', async () => {
    const server = new MemoryServer();
    const { cache } = await filled(server, a);
    server.cut();
    const { registry } = client(server, cache);
    const set = await registry.lookup(query);
    expect(textOf(set)).toBe(`kept ${a.host}`);
    expect(set.ageMs).toBeGreaterThanOrEqual(0);
    expect(await registry.picker(query).run(hostOf)).toBe(a.host);
    await expect(registry.lookup(query, { fresh: true, timeoutMs: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('uses nothing that another registry, another group or another query has kept', async () => {
    const server = new MemoryServer();
    const { cache } = await filled(server, a);
    const [[key, text] = ['', '']] = cache.texts;
    const other = new MemoryServer();
    other.cut();
    server.cut();
    const foreign = memoryCache({ afterMs: 1 });
    // A store that mixes up its keys.
    const mixed: RegistryCache = { ...foreign, read: () => of(text) };
    const strangers = [
      client(other, mixed).registry,
      client(server, mixed, { group: 'other' }).registry,
      client(server, { ...cache, afterMs: 1 }, { group: 'other' }).registry,
    ];
    for (const registry of strangers) {
      await expect(registry.lookup(query, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    }
    const { registry, warnings } = client(server, mixed);
    await expect(registry.lookup({ interface: 'com.acme.Other' }, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    expect(warnings).toMatchObject([
      { code: 'UNUSABLE_CACHE', message: expect.stringMatching(/another query/) as string },
    ]);
    expect(textOf(await registry.lookup(query))).toBe(`kept ${a.host}`);
    expect(key).not.toContain('password');
  });

  it('tells nothing that is older than maxAgeMs, and warns', async () => {
    const server = new MemoryServer();
    const { cache } = await filled(server, a);
    const [[key, text] = ['', '']] = cache.texts;
    expect(text).toContain('"keptAt":');
    server.cut();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { registry, warnings } = client(server, { ...cache, afterMs: 1, maxAgeMs: 5 });
    await expect(registry.lookup(query, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(warnings).toMatchObject([
      { code: 'UNUSABLE_CACHE', message: expect.stringContaining('maxAgeMs') as string },
    ]);
    expect(cache.texts.has(key)).toBe(true);
  });

  it('warns of a store that fails, once as long as it does, and goes on', async () => {
    const server = new MemoryServer();
    const broken: RegistryCache = {
      afterMs: 1,
      read: () => throwError(() => new Error('no disk')),
      write: () => Promise.reject(new Error('disk full')),
    };
    server.cut();
    const { registry, warnings } = client(server, broken);
    const { sets } = follow(registry);
    await eventually(() => expect(warnings.map(({ code }) => code)).toEqual(['UNUSABLE_CACHE']));
    server.heal();
    await eventually(() => expect(sets).toEqual(['registry']));
    await registry.close();
    expect(warnings).toMatchObject([
      { code: 'UNUSABLE_CACHE', message: expect.stringContaining('no disk') as string },
      { code: 'UNWRITABLE_CACHE', message: expect.stringContaining('disk full') as string },
    ]);
  });

  it('is closed in time though the store never answers', async () => {
    const server = new MemoryServer();
    const { registry } = client(server, { afterMs: 1, read: () => NEVER, write: () => NEVER });
    const { sets } = follow(registry);
    await eventually(() => expect(sets).toEqual(['registry']));
    await registry.close({ deadlineMs: 50 });
  });

  it.each([null, 5, {}, { read: () => of() }, { ...memoryCache(), afterMs: -1 }, { ...memoryCache(), maxAgeMs: 0 }])(
    'refuses %j for a cache',
    (cache) => {
      expect(() => createRegistry('memory://', { cache: cache as never })).toThrow(InvalidOptionError);
    },
  );
});

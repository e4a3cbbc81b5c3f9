import { firstValueFrom, Subject } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import {
  combineRegistries,
  createRegistry,
  InvalidOptionError,
  type RegistryError,
  type ServiceUrl,
  whileConnected,
} from '../../lib/index.js';
import type { CombineOptions } from '../../lib/index.js';
import { FAKE_INTERFACE, fakeInstances, legalEvents, legalStates } from '../../lib/testing/index.js';
import { eventually } from '../support/servers/eventually.js';

const query = { interface: FAKE_INTERFACE };
const [a, b, c] = fakeInstances(3);

/** Two registries, each on a server of its own, and both as one. Sessions are long, so that a busy machine ends none. */
function stage(options: CombineOptions = {}, sessionTimeoutMs = { eu: 60_000, us: 60_000 }) {
  const servers = { eu: new MemoryServer(), us: new MemoryServer() };
  const open = (name: 'eu' | 'us') =>
    memory({ server: servers[name], sessionTimeoutMs: sessionTimeoutMs[name], reconnect: { baseMs: 10, maxMs: 50 } });
  const backends = { eu: open('eu'), us: open('us') };
  const parts = { eu: createRegistry(backends.eu), us: createRegistry(backends.us) };
  const both = combineRegistries(parts, { settleMs: 5_000, ...options });
  onTestFinished(() => both.close());
  const nodes = (server: MemoryServer): string[] => server.paths.filter((path) => path.includes('%3A'));
  return { servers, backends, parts, both, nodes };
}

function cutServer(): MemoryServer {
  const server = new MemoryServer();
  server.cut();
  return server;
}

describe('combineRegistries', () => {
  it('tells an instance once, whoever has it, and takes it back with the last', async () => {
    const { parts, both } = stage();
    const events: string[] = [];
    both.subscribe(query, { synced: true }).subscribe((event) => {
      events.push(event.type === 'synced' ? 'synced' : `${event.type} ${event.service.host}`);
    });
    await eventually(() => expect(events).toEqual(['synced']));
    const inEu = await parts.eu.provide(a);
    await eventually(() => expect(events).toEqual(['synced', `add ${a.host}`]));
    const inUs = await parts.us.provide(a);
    await parts.us.provide(b);
    await eventually(() => expect(events).toEqual(['synced', `add ${a.host}`, `add ${b.host}`]));
    await inEu.release();
    await parts.eu.provide(c);
    await eventually(() => expect(events.at(-1)).toBe(`add ${c.host}`));
    await inUs.release();
    await eventually(() => expect(events.at(-1)).toBe(`delete ${a.host}`));
    expect(events.length).toBe(5);
  });

  it('takes nothing back in an outage of one, and follows the other meanwhile', async () => {
    const { servers, parts, both } = stage();
    await parts.eu.provide(a);
    await parts.us.provide(b);
    const sizes: number[] = [];
    const errors: unknown[] = [];
    both
      .subscribe(query)
      .pipe(legalEvents())
      .subscribe({ error: (error: unknown) => errors.push(error) });
    both.instances(query).subscribe(({ size }) => sizes.push(size));
    await eventually(() => expect(sizes).toEqual([2]));
    let isSuspended = false;
    parts.eu.states.subscribe(({ status }) => (isSuspended ||= status === 'suspended'));
    servers.eu.cut();
    await eventually(() => isSuspended);
    await parts.us.provide(c);
    await eventually(() => expect(sizes).toEqual([2, 3]));
    servers.eu.heal();
    await eventually(async () => expect((await parts.eu.lookup(query)).size).toBe(1));
    await eventually(() => expect(sizes.at(-1)).toBe(3));
    expect(errors).toEqual([]);
  });

  it('answers without one that does not, and has what it knows once it does', async () => {
    const { servers, parts, both } = stage({ settleMs: 20 });
    await parts.us.provide(b);
    servers.eu.cut();
    expect((await both.lookup(query)).size).toBe(1);
    await expect(both.lookup(query, { fresh: true, timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    servers.eu.heal();
    await parts.eu.provide(a);
    await eventually(async () => expect((await both.lookup(query)).size).toBe(2));
    expect((await both.lookup(query, { fresh: true })).size).toBe(2);
  });

  it('is as connected as the best of them, by the same table, and has no session', async () => {
    const { servers, backends, parts, both } = stage({}, { eu: 1_000, us: 60_000 });
    const told: string[] = [];
    const errors: unknown[] = [];
    both.states.pipe(legalStates({ fromStart: true })).subscribe({
      next: ({ status }) => told.push(status),
      error: (error: unknown) => errors.push(error),
    });
    await eventually(() => expect(told).toEqual(['connecting', 'connected']));
    let isLost = false;
    parts.eu.states.subscribe(({ status }) => (isLost ||= status === 'lost'));
    servers.eu.cut();
    await eventually(() => isLost);
    expect(told).toEqual(['connecting', 'connected']);
    servers.us.expire(backends.us);
    await eventually(() => expect(told.slice(2).join(' ')).toMatch(/lost connecting connected$/));
    const asked = firstValueFrom(both.states.pipe(whileConnected((session) => session.nodes.watch('/x'))));
    await expect(asked).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('parts.eu') as string,
    });
    await both.close();
    expect(told.at(-1)).toBe('closed');
    expect(errors).toEqual([]);
  });

  it('registers in all of them, says which have it, and goes on when one refuses', async () => {
    const { servers, parts, both, nodes } = stage();
    await parts.eu.provide(a);
    const states: (readonly string[])[] = [];
    const registration = both.register(a).subscribe(({ status, parts: where }) => {
      states.push([status, ...Object.entries(where).map(([name, state]) => `${name} ${state.status}`)]);
    });
    await eventually(() => expect(states.at(-1)).toEqual(['registered', 'eu refused', 'us registered']));
    expect(nodes(servers.us).length).toBe(1);
    const again = firstValueFrom(combineRegistries({ eu: parts.eu }).register(a));
    await expect(again).rejects.toMatchObject({ code: 'DUPLICATE_REGISTRATION' });
    registration.unsubscribe();
    await eventually(() => expect(nodes(servers.us)).toEqual([]));
    expect(nodes(servers.eu).length).toBe(1);
  });

  it('registers only where it is told to, and subscribes to a stream of URLs once', async () => {
    const { servers, parts, both, nodes } = stage({ write: ['us'] });
    await both.provide(a);
    expect([nodes(servers.eu).length, nodes(servers.us).length]).toEqual([0, 1]);
    const all = combineRegistries(parts);
    const urls = new Subject<ServiceUrl | undefined>();
    let isRegistered = false;
    all.register(urls).subscribe(({ parts: where }) => {
      isRegistered = Object.values(where).filter(({ status }) => status === 'registered').length === 2;
    });
    urls.next(b);
    await eventually(() => isRegistered);
    urls.next(undefined);
    await eventually(() => expect([nodes(servers.eu).length, nodes(servers.us).length]).toEqual([0, 1]));
  });

  it('provides while one is away, and what is released does not come there later', async () => {
    const { servers, parts, both, nodes } = stage();
    servers.eu.cut();
    const provision = await both.provide(a);
    expect(nodes(servers.us).length).toBe(1);
    const states = await firstValueFrom(provision.states);
    expect(states.url.host).toBe(a.host);
    await provision.release();
    expect(nodes(servers.us)).toEqual([]);
    servers.eu.heal();
    await parts.eu.provide(b);
    expect(nodes(servers.eu).length).toBe(1);
    await expect(both.provide(a, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
  });

  it('gives a provision up in time, and leaves nothing behind', async () => {
    const { servers, parts, both, nodes } = stage();
    servers.eu.cut();
    servers.us.cut();
    await expect(both.provide(a, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    servers.eu.heal();
    await parts.eu.provide(b);
    expect(nodes(servers.eu).length).toBe(1);
  });

  it('is called through a picker', async () => {
    const { parts, both } = stage();
    await parts.us.provide(b);
    const picker = both.picker(query);
    expect(await picker.run(({ host }) => host)).toBe(b.host);
    expect(() => both.picker('no url')).toThrow(/Expected/);
  });

  it('reads one at a time with failover, and goes back', async () => {
    const { servers, parts, both } = stage({ read: 'failover', stableMs: 50 }, { eu: 1_000, us: 60_000 });
    await parts.eu.provide(a, { timeoutMs: 20_000 });
    await parts.us.provide(b);
    const told: string[] = [];
    both.instances(query).subscribe((set) =>
      told.push(
        set
          .toArray()
          .map(({ host }) => host)
          .join(),
      ),
    );
    await eventually(() => expect(told.at(-1)).toBe(a.host));
    const found = async (options?: { fresh: boolean }): Promise<string[]> =>
      (await both.lookup(query, options)).toArray().map(({ host }) => host);
    // A busy machine may end a session of one second at any time: then it takes a moment.
    await eventually(async () => expect(await found({ fresh: true })).toEqual([a.host]));
    servers.eu.cut();
    // Once the session of one second is lost.
    await eventually(() => expect(told.at(-1)).toBe(b.host));
    await eventually(async () => expect(await found()).toEqual([b.host]));
    servers.eu.heal();
    await eventually(() => expect(told.at(-1)).toBe(a.host));
  });

  it('reads the first as long as it has enough, and else the next one as well', async () => {
    const { servers, parts, both } = stage({ read: 'prefer', minimum: 2 });
    const held = await Promise.all([a, b].map((url) => parts.eu.provide(url)));
    await parts.us.provide(c);
    const told: string[] = [];
    const hostsOf = (set: Iterable<ServiceUrl>): string =>
      [...set]
        .map(({ host }) => host)
        .sort()
        .join();
    both.instances(query).subscribe((set) => told.push(hostsOf(set)));
    await eventually(() => expect(told).toEqual([hostsOf([a, b])]));
    expect(hostsOf(await both.lookup(query, { fresh: true }))).toBe(hostsOf([a, b]));
    await held[1]!.release();
    await eventually(() => expect(told.at(-1)).toBe(hostsOf([a, c])));
    expect(hostsOf(await both.lookup(query, { fresh: true }))).toBe(hostsOf([a, c]));
    await parts.eu.provide(b);
    await eventually(() => expect(told.at(-1)).toBe(hostsOf([a, b])));
    // An outage of the first takes nothing away, and adds nobody.
    servers.eu.cut();
    await parts.us.provide(fakeInstances(4)[3]);
    await eventually(async () => expect((await parts.us.lookup(query)).size).toBe(2));
    expect(told.at(-1)).toBe(hostsOf([a, b]));
    servers.eu.heal();
  });

  it('does not wait for the others where the first has enough, and not for ever for the first', async () => {
    const { servers, parts } = stage();
    await parts.eu.provide(a);
    servers.us.cut();
    const patient = combineRegistries({ eu: parts.eu, us: parts.us }, { read: 'prefer', settleMs: 2_000_000 });
    expect((await patient.lookup(query)).toArray().map(({ host }) => host)).toEqual([a.host]);
    servers.us.heal();
    await parts.us.provide(b);
    const away = createRegistry(memory({ server: cutServer(), sessionTimeoutMs: 60_000 }));
    onTestFinished(() => away.close());
    const other = combineRegistries({ away, us: parts.us }, { read: 'prefer', settleMs: 50 });
    expect((await other.lookup(query)).toArray().map(({ host }) => host)).toEqual([b.host]);
  });

  it('closes all of them', async () => {
    const { parts, both } = stage();
    await both.lookup(query);
    await both.close();
    for (const part of Object.values(parts)) {
      await expect(part.lookup(query)).rejects.toMatchObject({ code: 'CLOSED' });
    }
    const error: unknown = await both.lookup(query).catch((cause: unknown) => cause);
    expect((error as RegistryError).code).toBe('CLOSED');
  });

  it('refuses what it cannot be made of', () => {
    const eu = createRegistry('memory://');
    const refused: (readonly [never, CombineOptions | undefined, string])[] = [
      [{} as never, {}, 'registries'],
      [null as never, {}, 'registries'],
      [{ eu: 5 } as never, {}, 'registries'],
      [{ eu, us: eu } as never, {}, 'registries'],
      [{ eu } as never, { read: 'both' as never }, 'read'],
      [{ eu } as never, { stableMs: 5 }, 'stableMs'],
      [{ eu } as never, { treatEmptyAsDown: true }, 'treatEmptyAsDown'],
      [{ eu } as never, { minimum: 2 }, 'minimum'],
      [{ eu } as never, { read: 'prefer', minimum: 0 }, 'minimum'],
      [{ eu } as never, { read: 'prefer', stableMs: 5 }, 'stableMs'],
      [{ eu } as never, { read: 'failover', stableMs: -5 }, 'stableMs'],
      [{ eu } as never, { read: 'failover', treatEmptyAsDown: 1 as never }, 'treatEmptyAsDown'],
      [{ eu } as never, { write: [] }, 'write'],
      [{ eu } as never, { write: ['us'] }, 'write'],
      [{ eu } as never, { settleMs: -1 }, 'settleMs'],
      [{ eu } as never, { timeoutMs: NaN }, 'timeoutMs'],
      [{ eu } as never, null as never, 'options'],
    ];
    for (const [registries, options, option] of refused) {
      expect(() => combineRegistries(registries, options)).toThrow(InvalidOptionError);
      expect(() => combineRegistries(registries, options)).toThrow(`\`${option}\``);
    }
  });
});

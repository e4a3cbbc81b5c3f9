import { firstValueFrom, ReplaySubject, Subject } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import {
  combineRegistries,
  type ConnectionState,
  createRegistry,
  type Registry,
  RegistryError,
  type RegistryHealth,
  type RegistrationState,
  type ServiceUrl,
} from '../../lib/index.js';
import { FAKE_INTERFACE, fakeInstances } from '../../lib/testing/index.js';
import { eventually } from '../support/servers/eventually.js';

const query = { interface: FAKE_INTERFACE };
const [a, b] = fakeInstances(2);

/** A server, and a registry on it whose last health is at hand. Sessions are long, so that a busy machine ends none. */
function stage(through: (registry: Registry) => Registry) {
  const server = new MemoryServer();
  const registry = through(
    createRegistry(memory({ server, sessionTimeoutMs: 60_000, reconnect: { baseMs: 10, maxMs: 50 } })),
  );
  onTestFinished(() => registry.close());
  const told: RegistryHealth[] = [];
  let isComplete = false;
  registry.health.subscribe({ next: (health) => told.push(health), complete: () => (isComplete = true) });
  const now = (): RegistryHealth => told.at(-1)!;
  return { server, registry, told, now, isComplete: () => isComplete };
}

describe.each<[string, (registry: Registry) => Registry]>([
  ['one registry', (registry) => registry],
  ['a combination of one', (registry) => combineRegistries({ only: registry })],
  [
    'a combination with one that is away',
    (registry) => {
      const server = new MemoryServer();
      server.cut();
      const away = createRegistry(memory({ server, sessionTimeoutMs: 60_000 }));
      return combineRegistries({ registry, away }, { settleMs: 20 });
    },
  ],
])('the health of %s', (_, through) => {
  it('says whether it is connected, and since when it is not', async () => {
    const before = Date.now();
    const { server, now } = stage(through);
    await eventually(() => expect(now()).toMatchObject({ status: 'connected', isConnected: true }));
    expect(now().disconnectedSince).toBeUndefined();
    server.cut();
    await eventually(() => expect(now()).toMatchObject({ status: 'suspended', isConnected: false }));
    const since = now().disconnectedSince!;
    expect(since).toBeGreaterThanOrEqual(before);
    expect(since).toBeLessThanOrEqual(Date.now());
    expect(now().cause).toBeInstanceOf(Error);
    server.heal();
    await eventually(() => expect(now().isConnected).toBe(true));
    expect(now().disconnectedSince).toBeUndefined();
  });

  it('counts registrations that are wanted, and those that stand, also while it is away', async () => {
    const { server, registry, now } = stage(through);
    const urls = new Subject<ServiceUrl | undefined>();
    const states: RegistrationState['status'][] = [];
    const registration = registry.register(urls).subscribe(({ status }) => states.push(status));
    const provision = await registry.provide(b);
    await eventually(() => expect(now().registrations).toEqual({ wanted: 1, standing: 1 }));
    urls.next(a);
    await eventually(() => expect(now().registrations).toEqual({ wanted: 2, standing: 2 }));
    server.cut();
    await eventually(() => expect(states.at(-1)).toBe('suspended'));
    expect(now().registrations).toEqual({ wanted: 2, standing: 2 });
    server.heal();
    urls.next(undefined);
    await eventually(() => expect(states.at(-1)).toBe('withdrawn'));
    await eventually(() => expect(now().registrations).toEqual({ wanted: 1, standing: 1 }));
    urls.next(a);
    await eventually(() => expect(states.at(-1)).toBe('registered'));
    await eventually(() => expect(now().registrations).toEqual({ wanted: 2, standing: 2 }));
    registration.unsubscribe();
    await provision.release();
    await eventually(() => expect(now().registrations).toEqual({ wanted: 0, standing: 0 }));
  });

  it('counts the queries that are followed, by what is known of them', async () => {
    const { server, registry, now } = stage(through);
    server.cut();
    const sizes: number[] = [];
    const following = registry.instances(query).subscribe(({ size }) => sizes.push(size));
    await eventually(() => expect(now().views).toEqual({ known: 0, kept: 0, unknown: 1 }));
    server.heal();
    await eventually(() => expect(sizes).toEqual([0]));
    expect(now().views).toEqual({ known: 1, kept: 0, unknown: 0 });
    server.cut();
    await eventually(() => expect(now().isConnected).toBe(false));
    expect(now().views).toEqual({ known: 1, kept: 0, unknown: 0 });
    following.unsubscribe();
    expect(now().views).toEqual({ known: 0, kept: 0, unknown: 0 });
  });

  it('is replayed, and completes when the registry is closed, as it was last', async () => {
    const { registry, now, isComplete } = stage(through);
    await eventually(() => expect(now().isConnected).toBe(true));
    expect(await firstValueFrom(registry.health)).toEqual(now());
    await registry.close();
    expect(now()).toMatchObject({ status: 'closed', isConnected: false });
    expect(isComplete()).toBe(true);
    expect(await firstValueFrom(registry.health)).toEqual(now());
  });
});

describe('the health of a registry that refuses us for good', () => {
  it('says so, and does not error', async () => {
    const states = new ReplaySubject<ConnectionState>(1);
    const registry = createRegistry({ name: 'refusing', states, close: () => Promise.resolve() });
    states.next({ status: 'connecting', attempt: 1 });
    const told: RegistryHealth[] = [];
    const errors: unknown[] = [];
    registry.health.subscribe({ next: (health) => told.push(health), error: (error: unknown) => errors.push(error) });
    const cause = new RegistryError('NOT_AUTHORIZED', 'The password is wrong.');
    states.error(cause);
    expect(told.map(({ status }) => status)).toEqual(['connecting', 'refused']);
    expect(told[1]).toMatchObject({ isConnected: false, disconnectedSince: told[0]!.disconnectedSince, cause });
    await registry.close();
    expect(told.at(-1)!.status).toBe('closed');
    expect(errors).toEqual([]);
  });
});

import { concat, NEVER, Observable, of } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { nodePath } from '../../lib/dubbo/index.js';
import { type Backend, createRegistry, type DirectoryChange, type Session } from '../../lib/index.js';
import { watchEachDirectory } from '../../lib/port/index.js';
import { nameOf } from '../../lib/internal/path.js';
import { FAKE_INTERFACE, fakeInstances } from '../../lib/testing/index.js';
import { eventually } from '../support/servers/eventually.js';
import { fakeSession } from '../connection/fakeSession.js';

const query = { interface: FAKE_INTERFACE };
const [a, b] = fakeInstances(2);

/** A server whose first watch is never told that `a` has come. */
function behind() {
  const asked: string[] = [];
  const watch = (): Observable<DirectoryChange> =>
    new Observable((subscriber) => {
      asked.push('watch');
      const names = asked.includes('sync') ? [nameOf(nodePath('/dubbo', a))] : [];
      return concat(of({ type: 'snapshot' as const, names }), NEVER).subscribe(subscriber);
    });
  const session: Session = {
    ...fakeSession('s'),
    sync: () =>
      new Observable((subscriber) => {
        asked.push('sync');
        subscriber.next();
        subscriber.complete();
      }),
    watchNode: () => concat(of(undefined), NEVER),
    watchDirectory: watch,
    watchDirectories: (changes) => watchEachDirectory(changes, watch),
  };
  const backend: Backend = {
    name: 'behind',
    states: concat(of({ status: 'connected' as const, session }), NEVER),
    close: () => Promise.resolve(),
  };
  const registry = createRegistry(backend);
  onTestFinished(() => registry.close());
  return { registry, asked };
}

describe('lookup', () => {
  it('with fresh reads anew, after the server has caught up', async () => {
    const { registry, asked } = behind();
    registry.instances(query).subscribe();
    expect((await registry.lookup(query)).size).toBe(0);
    expect((await registry.lookup(query, { fresh: true })).size).toBe(1);
    expect(asked).toEqual(['watch', 'sync', 'watch']);
    expect((await registry.lookup(query, { fresh: false })).size).toBe(0);
  });

  it('with fresh sees all that was acknowledged to others', async () => {
    const server = new MemoryServer();
    const [provider, consumer] = [createRegistry(memory({ server })), createRegistry(memory({ server }))];
    onTestFinished(() => Promise.all([provider.close(), consumer.close()]).then(() => undefined));
    consumer.instances(query).subscribe();
    for (const each of [a, b]) {
      const { size } = await consumer.lookup(query, { fresh: true });
      await provider.provide(each);
      expect((await consumer.lookup(query, { fresh: true })).size).toBe(size + 1);
    }
  });

  it('with fresh sees instances of applications too', async () => {
    const server = new MemoryServer();
    const provider = createRegistry(memory({ server }), { registerMode: 'instance', application: 'shop' });
    const consumer = createRegistry(memory({ server }));
    onTestFinished(() => Promise.all([provider.close(), consumer.close()]).then(() => undefined));
    await provider.provide(a);
    expect((await consumer.lookup(query, { fresh: true })).size).toBe(1);
  });

  it('with fresh waits for a connection, no longer than it may', async () => {
    const registry = createRegistry({ name: 'x', states: NEVER, close: () => Promise.resolve() });
    onTestFinished(() => registry.close());
    const lookup = registry.lookup(query, { fresh: true, timeoutMs: 1 });
    await expect(lookup).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('refuses a switch that is none, and options that are none', async () => {
    const { registry } = behind();
    await expect(registry.lookup(query, { fresh: 'yes' as never })).rejects.toMatchObject({ option: 'fresh' });
    await expect(registry.lookup(query, null as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(() => registry.subscribe(query, { synced: 1 as never })).toThrow('synced');
  });
});

describe('subscribe', () => {
  it('with synced says once that this was the present set', async () => {
    const server = new MemoryServer();
    const registry = createRegistry(memory({ server }));
    onTestFinished(() => registry.close());
    await registry.provide(a);
    const told: string[] = [];
    const late: string[] = [];
    registry.subscribe(query, { synced: true }).subscribe(({ type }) => told.push(type));
    await registry.lookup(query);
    expect(told).toEqual(['add', 'synced']);
    registry.subscribe(query, { synced: true }).subscribe(({ type }) => late.push(type));
    registry.subscribe(query).subscribe(({ type }) => expect(type).toBe('add'));
    await registry.provide(b);
    await eventually(() => expect([told, late]).toEqual(Array(2).fill(['add', 'synced', 'add'])));
  });

  it('with synced says so of an empty set', async () => {
    const registry = createRegistry(memory({ server: new MemoryServer() }));
    onTestFinished(() => registry.close());
    const told: string[] = [];
    registry.subscribe(query, { synced: true }).subscribe(({ type }) => told.push(type));
    await registry.lookup(query);
    expect(told).toEqual(['synced']);
  });
});

import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { createRegistry } from '../../lib/index.js';
import { roundRobin, where } from '../../lib/operators/index.js';
import { FAKE_INTERFACE, fakeInstances, marbleBackend } from '../../lib/testing/index.js';
import { eventually } from '../support/servers/eventually.js';

const query = { interface: FAKE_INTERFACE };
const [a, b] = fakeInstances(2);

function stage() {
  const registry = createRegistry(memory({ server: new MemoryServer() }));
  onTestFinished(() => registry.close());
  return registry;
}

describe('registry.picker', () => {
  let scheduler: TestScheduler;
  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  });

  it('waits for the first answer, and follows what comes and goes', async () => {
    const registry = stage();
    await registry.provide(a);
    const picker = registry.picker(query);
    expect(await picker.run(({ host }) => host)).toBe(a.host);
    const provision = await registry.provide(b);
    await eventually(() => expect(picker.size).toBe(2));
    await provision.release();
    await eventually(() => expect(picker.size).toBe(1));
  });

  it('keeps serving while the registry is away', () => {
    scheduler.run(({ flush }) => {
      const backend = marbleBackend({ states: 'c 9s s 30s c', contents: 'x', values: { x: [a] } });
      const picker = createRegistry(backend).picker(query);
      let host: string | undefined;
      scheduler.schedule(() => (host = picker.pick()?.host), 20_000);
      flush();
      expect(host).toBe(a.host);
    });
  });

  it('chooses as it is told, of what it is told', async () => {
    const registry = stage();
    for (const each of [a, b]) await registry.provide(each);
    const all = registry.picker(query, { balancer: roundRobin() });
    expect(new Set([await all.run(({ host }) => host), await all.run(({ host }) => host)]).size).toBe(2);
    const one = registry.picker(query, { through: where(({ host }) => host === b.host) });
    expect([await one.run(({ host }) => host), await one.run(({ host }) => host)]).toEqual([b.host, b.host]);
  });

  it('is over when it is closed, and when the registry is', async () => {
    const registry = stage();
    await registry.provide(a);
    const [left, kept] = [registry.picker(query), registry.picker(query)];
    expect([await left.run(({ host }) => host), await kept.run(({ host }) => host)]).toEqual([a.host, a.host]);
    left[Symbol.dispose]();
    await expect(left.run(({ host }) => host)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await kept.run(({ host }) => host)).toBe(a.host);
    const waiting = registry.picker({ interface: 'nobody' }, { waitMs: 60_000 }).run(({ host }) => host);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await registry.close();
    await refused;
    await expect(kept.run(({ host }) => host)).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(registry.picker(query).run(({ host }) => host)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('fails calls with what the registry refuses us for', async () => {
    const backend = marbleBackend({ states: 'k#' });
    const picker = createRegistry(backend).picker(query);
    await expect(picker.run(({ host }) => host)).rejects.toMatchObject({ code: 'NOT_AUTHORIZED' });
  });

  it.each([
    [{ interface: '' }, {}],
    ['no url', {}],
    [query, { balancer: roundRobin as never }],
    [query, { through: 5 as never }],
    [query, { waitMs: -1 }],
    [query, null as never],
  ])('refuses %j with %j at once', (asked, options) => {
    expect(() => stage().picker(asked, options)).toThrow(/Expected/);
  });
});

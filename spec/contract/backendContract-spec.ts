import { map } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backendContract, type ContractServer } from '../../lib/contract/index.js';
import type { Backend, Session } from '../../lib/port/index.js';
import { memoryWorld } from './memoryWorld.js';
import type { World } from './world.js';

const caseOf = (group: string, title: string): (typeof backendContract)[number] =>
  backendContract.find((each) => each.group === group && each.title.startsWith(title))!;

/** A backend whose sessions differ from those of another. */
function withSessions(backend: Backend, change: (session: Session) => Partial<Session>): Backend {
  const changed = new WeakMap<Session, Session>();
  const other = (session: Session): Session => {
    const known = changed.get(session);
    if (known) return known;
    const made = new Proxy(session, {
      get: (_, name) => {
        const value: unknown = Reflect.get({ ...change(session) }, name) ?? Reflect.get(session, name);
        return typeof value === 'function' ? (value.bind(session) as unknown) : value;
      },
    });
    changed.set(session, made);
    return made;
  };
  return {
    ...backend,
    states: backend.states.pipe(
      map((state) => ('session' in state ? { ...state, session: other(state.session) } : state)),
    ),
  };
}

describe('the contract of a backend', () => {
  let world: World;
  beforeAll(async () => void (world = await memoryWorld()));
  afterAll(() => world[Symbol.asyncDispose]());

  const broken = (change: (session: Session) => Partial<Session>): ContractServer => ({
    ...world,
    client: async (timeoutMs) => {
      const client = await world.client(timeoutMs);
      return { ...client, backend: withSessions(client.backend, change) };
    },
  });

  it('names every case once', () => {
    const names = backendContract.map(({ group, title }) => `${group}: ${title}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(100);
  });

  it('rejects where a conditional removal ignores its condition, and says what came', async () => {
    const server = broken((session) => ({ remove: (path) => session.remove(path) }));
    const { run } = caseOf('remove', 'says CONFLICT where the condition does not hold');
    await expect(run(server)).rejects.toThrow('It was carried out, and gave true');
    await expect(run(world)).resolves.toBeUndefined();
  });

  it('rejects where a snapshot is incomplete', async () => {
    const incomplete = broken((session) => ({
      list: (path) => session.list(path).pipe(map((names) => names.slice(1))),
    }));
    await expect(caseOf('read and list', 'list names').run(incomplete)).rejects.toMatchObject({
      name: 'AssertionError',
    });
  });

  it('rejects where a node has the wrong owner, and shows both', async () => {
    const anonymous = broken((session) => ({
      create: (path, options) => session.create(path, options).pipe(map((node) => ({ ...node, owner: undefined }))),
    }));
    await expect(caseOf('create', 'makes an ephemeral node').run(anonymous)).rejects.toMatchObject({
      name: 'AssertionError',
      actual: undefined,
      expected: expect.stringMatching(/./) as string,
    });
  });

  it('closes its clients, also where a promise is broken', async () => {
    const closed: string[] = [];
    const watched: ContractServer = {
      ...broken((session) => ({ remove: (path) => session.remove(path) })),
    };
    const server: ContractServer = {
      ...watched,
      client: async (timeoutMs) => {
        const client = await watched.client(timeoutMs);
        const close = async (deadlineMs?: number): Promise<void> => {
          await client.backend.close(deadlineMs);
          closed.push(client.backend.name);
        };
        return { ...client, backend: { ...client.backend, close } };
      },
    };
    await expect(caseOf('remove', 'says CONFLICT where').run(server)).rejects.toThrow();
    expect(closed).toEqual(['memory', 'memory']);
  });
});

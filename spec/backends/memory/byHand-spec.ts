import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryServer } from '../../../lib/backends/memory/index.js';
import { RegistryError } from '../../../lib/errors.js';
import type { DirectoryChange, Session } from '../../../lib/port/index.js';
import { BACKOFF_MS, SESSION_MS, StatesTrace, World } from '../../support/virtual/index.js';

describe('a MemoryServer by hand', () => {
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  const pass = (ms: number) => world.time.pass(ms);
  const connect = () => {
    const backend = world.backend();
    const states = new StatesTrace(backend.states, world.time.scheduler);
    pass(10);
    const { last } = states;
    if (last?.status !== 'connected') throw new Error('not connected');
    return { backend, states, session: last.session };
  };
  const watch = (session: Session, path: string) => {
    const changes: DirectoryChange[] = [];
    const subscription = session.watchDirectory(path).subscribe((change) => changes.push(change));
    pass(0);
    return { changes, subscription };
  };

  describe('change', () => {
    it('makes and removes in one transaction, which watchers hear of once', () => {
      world.server.create('/d/old/child');
      const { changes } = watch(connect().session, '/d');
      world.server.change({ create: ['/d/a', '/d/b'], remove: ['/d/old', '/d/never'] });
      pass(0);
      expect(changes).toEqual([
        { type: 'snapshot', names: ['old'] },
        { type: 'delta', added: ['a', 'b'], removed: ['old'] },
      ]);
      expect(world.server.read('/d/a')).toMatchObject({ owner: undefined });
    });

    it('replaces what it removes and makes again: that is no change of the directory', () => {
      world.server.create('/d/a');
      const before = world.server.read('/d/a')!.version;
      const { changes } = watch(connect().session, '/d');
      world.server.change({ create: ['/d/a'], remove: ['/d/a'] });
      pass(0);
      expect(changes).toHaveLength(1);
      expect(world.server.read('/d/a')!.version).toBeGreaterThan(before);
    });

    it('refuses what is there and what is no path', () => {
      world.server.create('/d/a');
      expect(() => world.server.change({ create: ['/d/a'] })).toThrow(RegistryError);
      expect(() => world.server.change({ create: ['/d/'] })).toThrow(RegistryError);
    });
  });

  describe('compact', () => {
    it('tells every watcher of a directory all there is, in a new snapshot, and changes after it as ever', () => {
      world.server.change({ create: ['/d/a', '/d/b', '/e/c'] });
      const [one, other] = [watch(connect().session, '/d'), watch(connect().session, '/e')];
      const left = watch(connect().session, '/d');
      left.subscription.unsubscribe();
      world.server.compact();
      world.server.remove('/d/a');
      pass(0);
      expect(one.changes.slice(1)).toEqual([
        { type: 'snapshot', names: ['a', 'b'] },
        { type: 'delta', added: [], removed: ['a'] },
      ]);
      expect(other.changes.slice(1)).toEqual([{ type: 'snapshot', names: ['c'] }]);
      expect(left.changes).toHaveLength(1);
    });

    it('leaves what happens meanwhile to the snapshot, for directories', () => {
      world.server.change({ create: ['/d/a', '/d/b'] });
      const { session } = connect();
      const { changes } = watch(session, '/d');
      const nodes: unknown[] = [];
      session.watchNode('/d/a').subscribe((node) => nodes.push(node?.path));
      pass(0);
      world.server.compact(() => {
        world.server.remove('/d/a');
        world.server.create('/d/c');
      });
      pass(0);
      expect(changes.slice(1)).toEqual([{ type: 'snapshot', names: ['b', 'c'] }]);
      expect(nodes).toEqual(['/d/a', undefined]);
    });

    it('is over also when what happens meanwhile throws', () => {
      const { changes } = watch(connect().session, '/d');
      expect(() => world.server.compact(() => world.server.create('bad'))).toThrow(RegistryError);
      world.server.create('/d/a');
      pass(0);
      expect(changes.at(-1)).toEqual({ type: 'delta', added: ['a'], removed: [] });
    });

    it('tells it after what was told before, and takes the latency', () => {
      world = new World({ latencyMs: 20 });
      const backend = world.backend();
      const states = new StatesTrace(backend.states, world.time.scheduler);
      pass(50);
      const { last } = states;
      if (last?.status !== 'connected') throw new Error('not connected');
      const { changes } = watch(last.session, '/d');
      pass(50);
      world.server.create('/d/a');
      world.server.compact();
      pass(19);
      expect(changes).toHaveLength(1);
      pass(1);
      expect(changes.slice(1).map(({ type }) => type)).toEqual(['delta', 'snapshot']);
    });

    it('breaks no connection and ends no session', () => {
      const { states } = connect();
      world.server.compact();
      pass(SESSION_MS);
      expect(states.statuses).toEqual(['connecting', 'connected']);
    });
  });

  describe('a client as its backend', () => {
    it('can be cut off and healed alone, also while it has no session', () => {
      const [one, other, third] = [connect(), connect(), connect()];
      world.server.cut(one.backend);
      world.server.cut(third.backend);
      pass(2 * SESSION_MS);
      expect(one.states.status).toBe('connecting');
      world.server.cut(one.backend);
      world.server.heal(one.backend);
      pass(BACKOFF_MS);
      expect(one.states.status).toBe('connected');
      expect(other.states.statuses).toEqual(['connecting', 'connected']);
      expect(third.states.status).toBe('connecting');
      world.server.heal();
      pass(BACKOFF_MS);
      expect(third.states.status).toBe('connected');
    });

    it('can be cut off before it has ever connected', () => {
      const backend = world.backend();
      world.server.cut(backend);
      const states = new StatesTrace(backend.states, world.time.scheduler);
      pass(2 * BACKOFF_MS);
      expect(new Set(states.statuses)).toEqual(new Set(['connecting']));
    });

    it('can be black-holed and healed alone', () => {
      const [one, other, third] = [connect(), connect(), connect()];
      world.server.blackHole(one.backend);
      world.server.blackHole(third.backend);
      pass(SESSION_MS / 2);
      expect([one, other, third].map(({ states }) => states.status)).toEqual(['suspended', 'connected', 'suspended']);
      world.server.heal(one.backend);
      pass(SESSION_MS);
      expect([one, other, third].map(({ states }) => states.status)).toEqual(['connected', 'connected', 'connecting']);
    });

    it('healed alone, loses only its own connection that swallowed a message', () => {
      const [one, other] = [connect(), connect()];
      world.server.blackHole();
      for (const { session } of [one, other]) session.list('/').subscribe({ error: () => undefined });
      pass(1);
      world.server.heal(one.backend);
      pass(1);
      expect([one.states.status, other.states.status]).toEqual(['suspended', 'connected']);
    });

    it('can have its session expired', () => {
      const [one, other] = [connect(), connect()];
      world.server.expire(one.backend);
      world.server.expire(world.backend());
      pass(BACKOFF_MS);
      expect(one.states.statuses.slice(2)).toEqual(['suspended', 'lost', 'connecting', 'connected']);
      expect(other.states.statuses).toEqual(['connecting', 'connected']);
    });
  });

  it('that lets nothing expire keeps the sessions of silent clients until it is told to end them', () => {
    const server = new MemoryServer({ scheduler: world.time.scheduler, expires: false });
    world = Object.assign(world, { server });
    const { session } = connect();
    server.cut();
    pass(10 * SESSION_MS);
    expect(server.sessions).toEqual([session.id]);
    server.expire(session.id);
    expect(server.sessions).toEqual([]);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { memory, MemoryServer, memoryServer } from '../../../lib/backends/memory/index.js';
import { InvalidOptionError } from '../../../lib/errors.js';
import type { Backend, ConnectionState, Session } from '../../../lib/port/index.js';
import { BACKOFF_MS, REST_MS, SESSION_MS, StatesTrace, World } from '../../support/virtual/index.js';

interface Client {
  readonly backend: Backend;
  readonly states: StatesTrace;
  readonly session: Session;
  readonly id: string;
}

describe('MemoryServer', () => {
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  const connect = (): Client => {
    const backend = world.backend();
    const states = new StatesTrace(backend.states, world.time.scheduler);
    world.time.pass(100);
    const { session } = states.last as Extract<ConnectionState, { status: 'connected' }>;
    return { backend, states, session, id: session.id };
  };
  const pass = (ms: number) => world.time.pass(ms);
  const ask = <T>(operation: { subscribe: (observer: object) => unknown }): (T | { code: string } | string)[] => {
    const seen: (T | { code: string } | string)[] = [];
    operation.subscribe({
      next: (value: T) => seen.push(value),
      error: (error: { code: string }) => seen.push(error.code),
    });
    return seen;
  };

  it('shows an operator its sessions, connections, watches and paths', () => {
    const one = connect();
    const two = connect();
    expect(world.server.sessions).toEqual([one.id, two.id]);
    expect(world.server.connections).toBe(2);
    const watch = one.session.watchDirectory('/d').subscribe();
    one.session.create('/d/n', { ephemeral: true }).subscribe();
    pass(0);
    expect(world.server.watches).toBe(1);
    expect(world.server.paths).toEqual(['/', '/d', '/d/n']);
    expect(world.server.read('/d/n')?.owner).toBe(one.id);
    expect(world.server.list('/d')).toEqual(['n']);
    watch.unsubscribe();
    expect(world.server.watches).toBe(0);
  });

  it('expire ends a session: its nodes go, its connection breaks, the client learns it', () => {
    const { session, id, states } = connect();
    session.create('/n', { ephemeral: true }).subscribe();
    pass(0);
    world.server.expire(id);
    expect(world.server.read('/n')).toBeUndefined();
    expect(world.server.sessions).toEqual([]);
    pass(BACKOFF_MS);
    expect(states.statuses.slice(1)).toEqual(['connected', 'suspended', 'lost', 'connecting', 'connected']);
    expect(states.sessionId).not.toBe(id);
  });

  it('expire of a session that is not there does nothing', () => {
    connect();
    world.server.expire('nobody');
    expect(world.server.sessions).toHaveLength(1);
  });

  it('keeps a session of which it hears, and ends it a timeout after the last word', () => {
    const { id } = connect();
    pass(10 * SESSION_MS);
    expect(world.server.sessions).toEqual([id]);
    world.server.cut();
    pass(SESSION_MS - 600);
    expect(world.server.sessions).toEqual([id]);
    pass(600);
    expect(world.server.sessions).toEqual([]);
  });

  it('cut and heal of one client leave the others alone', () => {
    const one = connect();
    const two = connect();
    world.server.cut(one.id);
    pass(1_000);
    expect(one.states.status).toBe('suspended');
    expect(two.states.statuses).toEqual(['connecting', 'connected']);
    world.server.heal();
    pass(BACKOFF_MS);
    expect(one.states.status).toBe('connected');
    expect(one.states.sessionId).toBe(one.id);
  });

  it('cut fails what is under way with CONNECTION_LOST', () => {
    const { session } = connect();
    const answers = ask(session.list('/'));
    world.server.cut();
    pass(0);
    expect(answers).toEqual(['CONNECTION_LOST']);
    expect(ask(session.list('/'))).toEqual(['CONNECTION_LOST']);
  });

  it('a black hole swallows messages without a sign: liveness is the client’s business', () => {
    const one = connect();
    const two = connect();
    world.server.blackHole(one.id);
    const answers = ask(one.session.list('/'));
    pass(200);
    expect(answers).toEqual([]);
    expect(one.states.status).toBe('connected');
    pass((5 / 12) * SESSION_MS);
    expect(one.states.status).toBe('suspended');
    pass(SESSION_MS);
    expect(one.states.statuses).toContain('lost');
    expect(two.states.statuses).toEqual(['connecting', 'connected']);
    world.server.heal();
    pass(REST_MS);
    expect(one.states.status).toBe('connected');
  });

  it('nothing passes a connection that has swallowed a message, also after the heal', () => {
    const { session, states, id } = connect();
    world.server.blackHole();
    const answers = ask(session.create('/n'));
    pass(10);
    world.server.heal();
    pass(0);
    expect(answers).toEqual(['CONNECTION_LOST']);
    expect(world.server.read('/n')).toBeUndefined();
    pass(BACKOFF_MS);
    expect([states.status, states.sessionId]).toEqual(['connected', id]);
  });

  it('frozen for a short while, it works off what piled up, in order', () => {
    const { session, states } = connect();
    world.server.freeze();
    const answers = [ask(session.create('/n')), ask(session.list('/')), ask(session.remove('/n'))];
    pass(100);
    expect(answers).toEqual([[], [], []]);
    world.server.thaw();
    pass(0);
    expect(answers).toEqual([[expect.objectContaining({ path: '/n' })], [['n']], [true]]);
    expect(states.statuses).toEqual(['connecting', 'connected']);
  });

  it('frozen for long, no session ends before the thaw, and those that spoke meanwhile live on', () => {
    const { states, id } = connect();
    world.server.freeze();
    pass(5 * SESSION_MS);
    expect(states.statuses).toContain('lost');
    expect(world.server.sessions).toEqual([id]);
    world.server.thaw();
    pass(REST_MS);
    expect(states.status).toBe('connected');
    expect(states.flaws).toEqual([]);
  });

  it('stopped, no clock of a session runs, and started again each gets its whole timeout', () => {
    const { session, states, id } = connect();
    session.create('/n', { ephemeral: true }).subscribe();
    pass(0);
    world.server.stop();
    pass(10 * SESSION_MS);
    expect(world.server.sessions).toEqual([id]);
    expect(states.status).toBe('connecting');
    world.server.start();
    expect(world.server.read('/n')?.owner).toBe(id);
    pass(BACKOFF_MS);
    expect([states.status, states.sessionId]).toEqual(['connected', id]);
    expect(world.server.read('/n')?.owner).toBe(id);
  });

  it('loseAnswers carries requests out and breaks the connection', () => {
    const { session, states } = connect();
    world.server.loseAnswers(1);
    const answers = ask(session.create('/n'));
    pass(0);
    expect(answers).toEqual(['CONNECTION_LOST']);
    expect(world.server.read('/n')).toBeDefined();
    pass(BACKOFF_MS);
    expect(states.status).toBe('connected');
    expect(ask(session.list('/'))).toEqual([]);
  });

  it('messages keep their order, and take the latency both ways', () => {
    world = new World({ latencyMs: 20 });
    const { session } = connect();
    const order: string[] = [];
    const since = world.time.now;
    const note = (what: string) => () => order.push(`${what} ${world.time.now - since}`);
    session.watchDirectory('/').subscribe(({ type }) => note(type)());
    session.create('/a').subscribe(note('a'));
    session.create('/b').subscribe(note('b'));
    pass(30);
    expect(order).toEqual([]);
    expect(world.server.list('/')).toEqual(['a', 'b']);
    pass(20);
    expect(order).toEqual(['snapshot 40', 'delta 40', 'a 40', 'delta 40', 'b 40']);
  });

  it('watches tell the present first and every change after it, until they are let go', () => {
    const { session } = connect();
    const directory: unknown[] = [];
    const owners: unknown[] = [];
    const watches = session.watchDirectory('/d').subscribe((change) => directory.push(change));
    watches.add(session.watchNode('/d/n').subscribe((node) => owners.push(node ? (node.owner ?? 'nobody') : 'absent')));
    pass(0);
    world.server.create('/d/n');
    pass(0);
    const node = world.server.read('/d/n')!;
    session.takeOver(node, { ephemeral: true }).subscribe();
    pass(0);
    world.server.remove('/d');
    pass(0);
    watches.unsubscribe();
    world.server.create('/d/n');
    pass(0);
    expect(directory).toEqual([
      { type: 'snapshot', names: [] },
      { type: 'delta', added: ['n'], removed: [] },
      { type: 'delta', added: [], removed: ['n'] },
    ]);
    expect(owners).toEqual(['absent', 'nobody', session.id, 'absent']);
  });

  it('takeOver of what is not any more what was read is a conflict', () => {
    const { session } = connect();
    world.server.create('/n');
    const node = world.server.read('/n')!;
    world.server.write('/n', new Uint8Array([1]));
    const stale = ask(session.takeOver(node, { ephemeral: true }));
    world.server.remove('/n');
    const gone = ask(session.takeOver(node, { ephemeral: true }));
    pass(0);
    expect([stale, gone]).toEqual([['CONFLICT'], ['CONFLICT']]);
    expect(world.server.read('/n')).toBeUndefined();
  });

  it('refuses a path that no backend can hold', () => {
    const { session } = connect();
    expect(ask(session.create('a'))).toEqual(['INVALID_PATH']);
    expect(ask(session.watchDirectory('/a/'))).toEqual(['INVALID_PATH']);
    expect(() => world.server.create('//')).toThrow(expect.objectContaining({ code: 'INVALID_PATH' }));
  });

  it('the one of a name is one for all who say it', () => {
    expect(memoryServer('spec-one')).toBe(memoryServer('spec-one'));
    expect(memoryServer('spec-one')).not.toBe(memoryServer('spec-two'));
  });

  it.each([-1, NaN])('refuses a latency of %s', (latencyMs) => {
    expect(() => new MemoryServer({ latencyMs })).toThrow(InvalidOptionError);
  });

  it.each([0, -1, NaN, Infinity])('refuses a session timeout of %s', (sessionTimeoutMs) => {
    expect(() => memory({ sessionTimeoutMs })).toThrow(InvalidOptionError);
  });

  it('no leak: a client that gives up while it is being answered leaves no connection behind', () => {
    world = new World({ latencyMs: 50 });
    const states = world.backend().states.subscribe();
    pass(75);
    states.unsubscribe();
    pass(100);
    expect(world.server.connections).toBe(0);
  });

  it('no hanging request: what is under way when the client drops the connection errors', () => {
    const { session, states } = connect();
    world.server.blackHole();
    const answers = ask(session.list('/'));
    pass(SESSION_MS);
    expect(states.statuses).toContain('suspended');
    expect(answers).toEqual(['CONNECTION_LOST']);
  });
});

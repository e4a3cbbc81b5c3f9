import { beforeEach, describe, expect, it } from 'vitest';
import type { MemoryServer } from '../../../lib/backends/memory/index.js';
import { InvalidOptionError } from '../../../lib/errors.js';
import type { Backend, DirectoryChange, Session } from '../../../lib/port/index.js';
import { BACKOFF_MS, REST_MS, SESSION_MS, StatesTrace, World } from '../../support/virtual/index.js';

describe('a MemoryServer', () => {
  let world: World;
  let server: MemoryServer;

  beforeEach(() => {
    world = new World({ latencyMs: 2 });
    ({ server } = world);
  });

  const connect = (): { backend: Backend; states: StatesTrace; session: Session } => {
    const backend = world.backend();
    const states = new StatesTrace(backend.states, world.time.scheduler);
    world.time.pass(10);
    const { last } = states;
    if (last?.status !== 'connected') throw new Error('not connected');
    return { backend, states, session: last.session };
  };
  const pass = (ms: number): void => world.time.pass(ms);
  const follow = (session: Session): { changes: DirectoryChange[]; errors: unknown[] } => {
    const seen = { changes: [] as DirectoryChange[], errors: [] as unknown[] };
    session.watchDirectory('/d').subscribe({
      next: (change) => seen.changes.push(change),
      error: (error: unknown) => seen.errors.push(error),
    });
    pass(10);
    return seen;
  };

  it('that loses only answers hears its client, which gives the session up by its own clock and gets it back', () => {
    const { backend, states, session } = connect();
    server.blackHole(backend, 'answers');
    session.create('/made').subscribe({ error: () => undefined });
    pass(10);
    expect(server.read('/made')).toBeDefined();
    pass(SESSION_MS);
    expect(['lost', 'connecting']).toContain(states.status);
    expect(server.sessions).toEqual([session.id]);
    server.heal(backend);
    pass(REST_MS);
    expect(states.statuses.filter((status) => status !== 'connecting').slice(1)).toEqual([
      'suspended',
      'lost',
      'connected',
    ]);
    expect(states.sessionId).toBe(session.id);
  });

  it('that loses only requests ends the session of a client that hears it', () => {
    const { backend, session } = connect();
    const { changes } = follow(session);
    server.blackHole(backend, 'requests');
    session.create('/made').subscribe({ error: () => undefined });
    server.create('/d/by-hand');
    pass(10);
    expect(server.read('/made')).toBeUndefined();
    expect(changes).toHaveLength(2);
    pass(SESSION_MS);
    expect(server.sessions).toEqual([]);
  });

  it('that hangs up on a client at its first request is never connected to, says why, and serves it after that', () => {
    const { registry, backend, states, warnings } = world.connected();
    pass(10);
    registry.register('dubbo://a:1/com.acme.Kept').subscribe();
    pass(10);
    const registered = world.providers('com.acme.Kept');
    server.hangUp(backend);
    pass(SESSION_MS / 6 + 10);
    expect(states.status).toBe('suspended');
    pass(10 * SESSION_MS);
    expect(states.statuses.filter((status) => status === 'connected')).toHaveLength(1);
    expect(states.last).toMatchObject({ status: 'connecting', cause: { code: 'CONNECTION_LOST' } });
    expect(warnings).toMatchObject([{ code: 'NOT_SERVED' }]);
    // Attempts resume the session, so the server keeps it.
    expect(world.providers('com.acme.Kept')).toEqual(registered);
    server.heal(backend);
    pass(REST_MS);
    expect(states.status).toBe('connected');
    expect(world.providers('com.acme.Kept')).toEqual(registered);
    expect(states.flaws).toEqual([]);
  });

  it('that hangs up on everybody is asked as often as the backoff allows', () => {
    server.hangUp();
    let attempts = 0;
    server.events.subscribe(({ type }) => (attempts += Number(type === 'attempt')));
    const { states } = world.registry();
    pass(60 * BACKOFF_MS);
    expect(new Set(states.statuses)).toEqual(new Set(['connecting']));
    // Half of what may be drawn is waited: 250 ms where the waits have grown to their bound, less in the first four.
    expect(attempts).toBeLessThanOrEqual(4 + (60 * BACKOFF_MS) / (BACKOFF_MS / 2));
    server.heal();
    pass(REST_MS);
    expect(states.status).toBe('connected');
  });

  it('that is slow to one client keeps the order of what it says, also when it is fast again', () => {
    const { backend, session } = connect();
    const other = follow(connect().session);
    const { changes } = follow(session);
    server.slowDown(300, backend);
    server.create('/d/first');
    pass(100);
    expect([changes.length, other.changes.length]).toEqual([1, 2]);
    server.heal(backend);
    server.create('/d/second');
    pass(100);
    expect(changes).toHaveLength(1);
    pass(150);
    expect(changes.slice(1)).toEqual([
      { type: 'delta', added: ['first'], removed: [] },
      { type: 'delta', added: ['second'], removed: [] },
    ]);
  });

  it('that loses notifications breaks the connection instead', () => {
    const { session } = connect();
    const { changes, errors } = follow(session);
    server.loseNotifications(1);
    server.create('/d/lost');
    pass(10);
    expect(changes).toHaveLength(1);
    expect(errors).toMatchObject([{ code: 'CONNECTION_LOST' }]);
    pass(BACKOFF_MS);
    expect(follow(session).changes).toEqual([{ type: 'snapshot', names: ['lost'] }]);
  });

  it('that repeats notifications tells the same twice in a row', () => {
    const { changes } = follow(connect().session);
    server.repeatNotifications(1);
    server.create('/d/a');
    server.create('/d/b');
    pass(10);
    expect(changes.slice(1).map((change) => change.type === 'delta' && change.added)).toEqual([['a'], ['a'], ['b']]);
  });

  it('that is slow to clean up leaves the nodes of a session that expired, and takes those of one that its client ended', async () => {
    const [gone, closed] = [connect(), connect()];
    gone.session.create('/gone', { ephemeral: true }).subscribe();
    closed.session.create('/closed', { ephemeral: true }).subscribe();
    pass(10);
    server.delayCleanup(1_000);
    server.expire(gone.backend);
    await world.time.settle(closed.backend.close(100));
    expect([server.read('/gone')?.owner, server.read('/closed')]).toEqual([gone.session.id, undefined]);
    pass(980);
    expect(server.read('/gone')).toBeDefined();
    pass(20);
    expect(server.read('/gone')).toBeUndefined();
  });

  it('that stands still cleans nothing up', () => {
    const { backend, session } = connect();
    session.create('/n', { ephemeral: true }).subscribe();
    pass(10);
    server.delayCleanup(100);
    server.expire(backend);
    server.stop();
    pass(1_000);
    expect(server.read('/n')).toBeDefined();
    server.start();
    pass(200);
    expect(server.read('/n')).toBeUndefined();
  });

  it('restored from a backup has what it had, versions too, and sessions that nobody can resume', () => {
    const { session, states } = connect();
    session.create('/kept', { ephemeral: true }).subscribe();
    pass(10);
    const { version } = server.read('/kept')!;
    const backup = server.backup();
    server.write('/kept', new Uint8Array([1]));
    server.create('/lost');
    server.restore(backup);
    expect(server.paths).toEqual(['/', '/kept']);
    expect(server.read('/kept')).toMatchObject({ version, owner: session.id });
    pass(BACKOFF_MS);
    expect(states.status).toBe('connected');
    expect(states.sessionId).not.toBe(session.id);
    expect(server.read('/kept')?.owner).toBe(session.id);
    pass(SESSION_MS);
    expect(server.read('/kept')).toBeUndefined();
  });

  it('wiped has nothing, and begins its versions anew', () => {
    const { states } = connect();
    server.create('/a');
    const { version } = server.read('/a')!;
    server.restore();
    expect([server.paths, server.sessions]).toEqual([['/'], []]);
    server.create('/a');
    expect(server.read('/a')!.version).toBe(version);
    pass(BACKOFF_MS);
    expect(states.statuses.slice(-4)).toEqual(['suspended', 'lost', 'connecting', 'connected']);
  });

  it('restored under sessions that go on lets their clients resume them, with what the copy has of theirs', () => {
    const { states, session } = connect();
    const late = connect();
    session.create('/mine', { ephemeral: true }).subscribe();
    pass(10);
    const copy = server.backup();
    const after = connect();
    session.remove('/mine').subscribe();
    pass(10);
    server.restore(copy, 'resumable');
    expect(server.read('/mine')?.owner).toBe(session.id);
    pass(REST_MS);
    expect([states.statuses.slice(-2), states.sessionId]).toEqual([['suspended', 'connected'], session.id]);
    expect([late.states.sessionId, after.states.sessionId !== after.session.id]).toEqual([late.session.id, true]);
    expect(server.read('/mine')?.owner).toBe(session.id);
  });

  it('reorders: what a watch of a node tells and the answer to the write that caused it overtake each other', () => {
    const { session } = connect();
    const draws = [0.9, 0];
    const orders = [draws, draws.toReversed()].map((delays, index) => {
      const heard: string[] = [];
      const path = `/reordered-${index}`;
      const watch = session.nodes
        .watch(path)
        .subscribe(({ node, position }) => node && heard.push(`watch ${position}`));
      pass(10);
      // The notification is sent first, and then the answer.
      const next = [...delays];
      server.reorder(10, () => next.shift() ?? 0);
      session.nodes.create(path).subscribe(({ position }) => heard.push(`answer ${position}`));
      pass(20);
      server.reorder(0);
      watch.unsubscribe();
      return heard;
    });
    const kinds = orders.map((heard) => heard.map((each) => each.split(' ')[0]));
    expect(kinds).toEqual([
      ['answer', 'watch'],
      ['watch', 'answer'],
    ]);
    for (const heard of orders) expect(new Set(heard.map((each) => each.split(' ')[1])).size, 'one position').toBe(1);
  });

  it('refuses a time that is none', () => {
    expect(() => server.reorder(-1)).toThrow(InvalidOptionError);
    expect(() => server.slowDown(-1)).toThrow(InvalidOptionError);
    expect(() => server.delayCleanup(NaN)).toThrow(InvalidOptionError);
  });
});

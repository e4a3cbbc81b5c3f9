import { beforeEach, describe, expect, it } from 'vitest';
import { type NodeHold, type NodeStatus, Registrations } from '../../lib/registration/index.js';
import { BACKOFF_MS, refusing, REST_MS, SESSION_MS, World } from '../support/virtual/index.js';

const PATH = '/services/app/10.0.0.1:20880';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a node that is held with content', () => {
  let world: World;
  let backend: ReturnType<World['backend']>;
  let statuses: NodeStatus['status'][];

  beforeEach(() => {
    world = new World();
    backend = world.backend();
    statuses = [];
  });

  const registrationsOn = (on = backend): Registrations =>
    new Registrations(on.states, {
      scheduler: world.time.scheduler,
      retry: { baseMs: 50, maxMs: BACKOFF_MS, random: () => 0.5 },
    });
  const hold = (text: string, registrations = registrationsOn()): NodeHold => {
    const held = registrations.hold({ path: PATH, ephemeral: true, data: bytes(text) });
    held.listen(({ status }) => statuses.push(status));
    return held;
  };
  const node = () => world.server.read(PATH);
  const content = (): string | undefined => {
    const read = node();
    return read && new TextDecoder().decode(read.data);
  };
  const pass = (ms: number): void => world.time.pass(ms);

  it('is made with it, and changes in place: it is never gone', () => {
    const seen: (string | undefined)[] = [];
    world.server.events.subscribe((event) => {
      if (event.type === 'changed' && event.changes.nodes.has(PATH)) seen.push(content());
    });
    const held = hold('one');
    pass(0);
    const { owner } = node()!;
    held.write(bytes('two'));
    pass(0);
    held.write(bytes('three'));
    pass(0);
    expect(seen).toEqual(['one', 'two', 'three']);
    expect(node()?.owner).toBe(owner);
    expect(statuses).toEqual(['pending', 'registered']);
    held.release();
    pass(0);
    expect(node()).toBeUndefined();
  });

  it('of many changes in a row, only the last one is written: bounded load', () => {
    const slow = (world = new World({ latencyMs: 10 }));
    backend = slow.backend();
    const held = hold('0');
    pass(200);
    let writes = 0;
    slow.server.events.subscribe((event) => (writes += Number(event.type === 'changed')));
    for (let change = 1; change <= 1_000; change += 1) held.write(bytes(String(change)));
    pass(200);
    expect(content()).toBe('1000');
    // The one that is under way, and the last one.
    expect(writes).toBe(2);
  });

  it('is written once where the content stays what it is', () => {
    const held = hold('one');
    pass(0);
    const before = node();
    held.write(bytes('one'));
    pass(REST_MS);
    expect(node()).toEqual(before);
  });

  it('a change during an outage is written after it, to the same node', () => {
    const held = hold('one');
    pass(0);
    const { owner } = node()!;
    world.server.cut();
    pass(500);
    held.write(bytes('two'));
    expect(content()).toBe('one');
    world.server.heal();
    pass(BACKOFF_MS);
    expect([content(), node()?.owner, statuses.at(-1)]).toEqual(['two', owner, 'registered']);
  });

  it('what somebody wrote over during an outage is compared, and written again', () => {
    hold('one');
    pass(0);
    world.server.cut();
    world.server.write(PATH, bytes('somebody'));
    pass(500);
    world.server.heal();
    pass(BACKOFF_MS);
    expect(content()).toBe('one');
  });

  it('what somebody writes over is written again', () => {
    hold('one');
    pass(0);
    world.server.write(PATH, bytes('somebody'));
    pass(0);
    expect(content()).toBe('one');
  });

  it('a new session makes it with the newest content', () => {
    const held = hold('one');
    pass(0);
    world.server.cut();
    held.write(bytes('two'));
    pass(3 * SESSION_MS);
    expect(node()).toBeUndefined();
    world.server.heal();
    pass(REST_MS);
    expect(content()).toBe('two');
  });

  it('is taken over with the content, in one step', () => {
    const before = world.registry();
    pass(0);
    hold('old', registrationsOn(before.backend));
    pass(0);
    world.server.cut(before.sessionId);
    const gaps: boolean[] = [];
    world.server.events.subscribe(() => gaps.push(node() === undefined));
    hold('new');
    pass(0);
    expect([content(), statuses.at(-1)]).toEqual(['new', 'registered']);
    expect(gaps).not.toContain(true);
  });

  it.each(['before', 'after'] as const)('a write that fails %s it is carried out is tried again', (when) => {
    let failing = false;
    backend = refusing(world.backend(), (method) => method === 'write' && failing && when);
    const held = hold('one');
    pass(0);
    failing = true;
    held.write(bytes('two'));
    pass(3 * BACKOFF_MS);
    failing = false;
    pass(2 * BACKOFF_MS);
    expect([content(), statuses.at(-1)]).toEqual(['two', 'registered']);
  });

  it('released while it is written, it goes', () => {
    const slow = (world = new World({ latencyMs: 10 }));
    backend = slow.backend();
    const held = hold('one');
    pass(200);
    held.write(bytes('two'));
    held.release();
    pass(200);
    expect(node()).toBeUndefined();
    expect(slow.server.watches).toBe(0);
  });

  it('is shared by those who hold it: the last one’s release removes it', () => {
    const registrations = registrationsOn();
    const one = hold('one', registrations);
    const other = hold('two', registrations);
    pass(0);
    expect(content()).toBe('two');
    one.release();
    pass(0);
    expect(content()).toBe('two');
    other.release();
    pass(0);
    expect(node()).toBeUndefined();
    expect(registrations.size).toBe(0);
  });
});

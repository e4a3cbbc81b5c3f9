import assert from 'node:assert/strict';
import { assertBelow, assertMatches } from '../assertions.js';
import { eventually } from '../eventually.js';
import { cases } from '../contractCase.js';
import { ask, Probe, SOON_MS } from '../probe.js';

/** What the port promises of its states. */
export const states = cases('its states', {
  'begin with the first attempt and go on to a session': async ({ server, join }) => {
    const { probe, session } = await join();
    assert.deepEqual(probe.trace, [
      { status: 'connecting', attempt: 1 },
      { status: 'connected', session },
    ]);
    assert.equal(await server.knows(session), true);
  },

  'do nothing before somebody subscribes': async ({ server }) => {
    const client = await server.client(server.longTimeoutMs);
    client.cut();
    await client.backend.close();
    client.heal();
    const probe = new Probe(client.backend);
    assert.deepEqual(probe.trace, [{ status: 'closed' }]);
  },

  'are shared, and the current one is replayed': async ({ join }) => {
    const { probe, session } = await join();
    const late = new Probe(probe.backend);
    assert.deepEqual(late.trace, [{ status: 'connected', session }]);
    late.leave();
    assert.notEqual(await ask(session.list('/')), undefined);
    assert.deepEqual(probe.statuses, ['connecting', 'connected']);
  },

  'end with the last subscriber, who takes the session along, and begin anew with the next': async ({
    server,
    base,
    join,
    gone,
  }) => {
    const { probe, session } = await join();
    await ask(session.create(`${base}/mine`, { ephemeral: true }));
    probe.leave();
    await gone(`${base}/mine`);
    await eventually(async () => !(await server.knows(session)));

    const again = new Probe(probe.backend);
    const next = await again.session();
    assert.notEqual(next, session);
    assert.notEqual(next.id, session.id);
    assert.deepEqual(again.statuses, ['connecting', 'connected']);
    await probe.backend.close();
    again.expectLegal();
  },

  'count the attempts while there is no server, each with the cause of the last, and go on when there is': async ({
    server,
  }) => {
    const client = await server.client(server.longTimeoutMs);
    client.cut();
    const probe = new Probe(client.backend);
    await eventually(() => probe.trace.length >= 4, { withinMs: SOON_MS });
    assert.deepEqual(probe.trace[0], { status: 'connecting', attempt: 1 });
    for (const [index, state] of probe.trace.entries()) {
      assertMatches(state, { status: 'connecting', attempt: index + 1 });
      if (index > 0) assertMatches(state, { cause: Error });
    }
    client.heal();
    const session = await probe.session();
    probe.expectLegal();
    await client.backend.close();
    assert.equal(await server.knows(session), false);
  },

  'end with closed, which is final and told to whoever comes later': async ({ server, join }) => {
    const { probe, session } = await join();
    await probe.backend.close();
    assert.deepEqual(probe.statuses, ['connecting', 'connected', 'closed']);
    assert.equal(probe.completed, true);
    const late = new Probe(probe.backend);
    assert.deepEqual(late.trace, [{ status: 'closed' }]);
    assert.equal(late.completed, true);
    assert.equal(await server.knows(session), false);
  },

  'tell of a new session with a new object after the server has ended the old one': async ({ server, base, join }) => {
    const { probe, session } = await join();
    await ask(session.create(`${base}/mine`, { ephemeral: true }));
    await server.expire(session);
    const next = await probe.session(session);
    assert.notEqual(next.id, session.id);
    assertMatches(await probe.reaches('lost'), { confirmed: true, cause: { code: 'SESSION_EXPIRED' } });
    assert.equal(await server.read(`${base}/mine`), undefined);
    await ask(next.create(`${base}/mine`, { ephemeral: true }));
    assertMatches(await server.read(`${base}/mine`), { owner: next.id });
  },

  'tell of the same session with the same object after an interruption, and its nodes are untouched': async ({
    base,
    join,
  }) => {
    const { client, probe, session } = await join();
    const node = await ask(session.create(`${base}/mine`, { ephemeral: true }));
    client.cut(session);
    const suspended = await probe.reaches('suspended');
    assert.equal(suspended.session, session);
    assertMatches(suspended.cause, Error);
    client.heal();
    await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
    assert.deepEqual(probe.trace.slice(-2), [suspended, { status: 'connected', session }]);
    assert.equal(await probe.session(), session);
    assert.deepEqual(await ask(session.read(`${base}/mine`)), node);
  },

  'tell by their own clock that the session may be over, without any server': async ({ server, base, join, gone }) => {
    const { client, probe, session } = await join(server.shortTimeoutMs);
    await ask(session.create(`${base}/mine`, { ephemeral: true }));
    const from = probe.trace.length - 1;
    client.cut(session);
    const start = performance.now();
    const lost = await probe.reaches('lost', from);
    // At the latest after a session timeout; the rest is for a busy machine.
    assertBelow(performance.now() - start, server.shortTimeoutMs + 2_000);
    assertMatches(lost, { confirmed: false, cause: Error });
    await gone(`${base}/mine`);
    await eventually(async () => !(await server.knows(session)), { withinMs: SOON_MS });
    client.heal();
    const next = await probe.session(session);
    assert.notEqual(next.id, session.id);
  },

  'tell of a server that has fallen silent': async ({ server, join }) => {
    const { client, probe, session } = await join(server.shortTimeoutMs);
    const from = probe.trace.length - 1;
    client.blackHole(session);
    const start = performance.now();
    await probe.reaches('suspended', from);
    await probe.reaches('lost', from);
    assertBelow(performance.now() - start, server.shortTimeoutMs + 2_000);
    client.heal();
    await probe.session();
  },
});

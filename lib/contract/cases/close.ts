import assert from 'node:assert/strict';
import { NEVER } from 'rxjs';
import { assertBelow } from '../assertions.js';
import { cases } from '../contractCase.js';
import { ask, Probe, refusalOf } from '../probe.js';

/** What the port promises of its close(). */
export const close = cases('its close()', {
  'ends the session, so that its nodes are gone by then': async ({ server, base, join }) => {
    const { probe, session } = await join();
    await ask(session.create(`${base}/mine`, { ephemeral: true }));
    await ask(session.create(`${base}/ours`));
    await probe.backend.close();
    assert.equal(await server.read(`${base}/mine`), undefined);
    assert.notEqual(await server.read(`${base}/ours`), undefined);
    assert.equal(await server.knows(session), false);
  },

  'resolves more than once, and before anything was begun': async ({ server, join }) => {
    const { probe } = await join();
    await Promise.all([probe.backend.close(), probe.backend.close()]);
    await probe.backend.close();
    await (await server.client(server.longTimeoutMs)).backend.close();
  },

  'resolves by its deadline while the link is dead or silent, and while there has never been one': async ({
    server,
    join,
  }) => {
    const [silent, dead] = [await join(), await join()];
    const never = await server.client(server.longTimeoutMs);
    silent.client.blackHole(silent.session);
    dead.client.cut(dead.session);
    await dead.probe.reaches('suspended');
    never.blackHole();
    const trying = new Probe(never.backend);
    await trying.reaches('connecting');
    const start = performance.now();
    await Promise.all([silent, dead, { probe: trying }].map(({ probe }) => probe.backend.close(300)));
    assertBelow(performance.now() - start, 2_300);
    for (const { probe } of [silent, dead, { probe: trying }]) {
      assert.deepEqual(probe.state, { status: 'closed' });
      assert.equal(probe.completed, true);
    }
    never.heal();
  },

  'leaves a session that can be asked for nothing any more': async ({ server, base, join }) => {
    const { probe, session } = await join();
    await probe.backend.close();
    assert.equal(await refusalOf(session.read('/')), 'CONNECTION_LOST');
    assert.equal(await refusalOf(session.create(`${base}/late`)), 'CONNECTION_LOST');
    assert.equal(await refusalOf(session.watchDirectory(base)), 'CONNECTION_LOST');
    assert.equal(await refusalOf(session.watchDirectories(NEVER)), 'CONNECTION_LOST');
    assert.equal(await server.read(`${base}/late`), undefined);
  },
});

import assert from 'node:assert/strict';
import { assertIncludes, assertMatches } from '../assertions.js';
import { cases } from '../contractCase.js';
import { ask, bytes, refusalOf } from '../probe.js';

/** What the port promises of remove. */
export const remove = cases('remove', {
  'removes a node and says whether there was one': async ({ server, base, join }) => {
    const { session } = await join();
    await ask(session.create(`${base}/a`));
    assert.equal(await ask(session.remove(`${base}/a`)), true);
    assert.equal(await server.read(`${base}/a`), undefined);
    assert.equal(await ask(session.remove(`${base}/a`)), false);
    assert.equal(await ask(session.remove(`${base}/a`, { version: 1n })), false);
    assert.equal(await ask(session.remove(`${base}/a`, { owner: session.id })), false);
    assert.equal(await ask(session.remove(`${base}/none/below`)), false);
  },

  'says NOT_EMPTY of a node with children': async ({ server, base, join }) => {
    const { session } = await join();
    const node = await ask(session.create(`${base}/a`));
    await ask(session.create(`${base}/a/b`));
    assert.equal(await refusalOf(session.remove(`${base}/a`)), 'NOT_EMPTY');
    assert.equal(await refusalOf(session.remove(`${base}/a`, { version: node.version })), 'NOT_EMPTY');
    assert.notEqual(await server.read(`${base}/a/b`), undefined);
  },

  'never takes the root': async ({ base, join }) => {
    const { session } = await join();
    await ask(session.create(`${base}/a`));
    await refusalOf(session.remove('/'));
    assertIncludes(await ask(session.list('/')), base.slice(1));
  },

  'says CONFLICT where the condition does not hold': async ({ base, join }) => {
    const [one, other] = [await join(), await join()];
    const node = await ask(one.session.create(`${base}/a`, { ephemeral: true }));
    assert.equal(await refusalOf(one.session.remove(`${base}/a`, { version: node.version - 1n })), 'CONFLICT');
    assert.equal(await refusalOf(one.session.remove(`${base}/a`, { owner: other.session.id })), 'CONFLICT');
    const written = await ask(other.session.write(`${base}/a`, bytes('x')));
    assert.equal(await refusalOf(one.session.remove(`${base}/a`, { version: node.version })), 'CONFLICT');
    assert.equal(await ask(one.session.remove(`${base}/a`, { version: written.version, owner: one.session.id })), true);
  },

  'by an old owner, however late, does not take the node of the one who took it over': async ({
    server,
    base,
    join,
  }) => {
    const [old, young] = [await join(), await join()];
    let node = await ask(old.session.create(`${base}/a`, { ephemeral: true }));
    for (let round = 0; round < 10; round += 1) {
      const before = node;
      // The removal and the take-over under way together: whichever comes first, the new node must not go.
      const [removal, taking] = await Promise.allSettled([
        ask(old.session.remove(before.path, { owner: old.session.id })),
        ask(young.session.takeOver(before, { ephemeral: true })),
      ]);
      const remaining = await server.read(before.path);
      if (taking.status === 'fulfilled') assertMatches(remaining, { owner: young.session.id });
      else assertMatches(removal, { status: 'fulfilled', value: true });
      assert.equal(
        await refusalOf(old.session.remove(before.path, { version: before.version })).catch(() => 'absent'),
        remaining ? 'CONFLICT' : 'absent',
      );
      await ask(young.session.remove(before.path));
      node = await ask(old.session.create(before.path, { ephemeral: true }));
    }
  },
});

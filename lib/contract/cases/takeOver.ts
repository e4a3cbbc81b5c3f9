import assert from 'node:assert/strict';
import { assertAbove, assertMatches } from '../assertions.js';
import { eventually } from '../eventually.js';
import { cases } from '../contractCase.js';
import { ask, bytes, foldDirectory, Recorder, refusalOf, text } from '../probe.js';

/** What the port promises of takeOver. */
export const takeOver = cases('takeOver', {
  'replaces a node by one of this session, and survives the end of the old owner': async ({ server, base, join }) => {
    const [old, young] = [await join(), await join()];
    await ask(old.session.create(`${base}/a`, { ephemeral: true, data: bytes('old') }));
    const found = (await ask(young.session.read(`${base}/a`)))!;
    const taken = await ask(young.session.takeOver(found, { ephemeral: true, data: bytes('young') }));
    assertMatches(taken, { path: `${base}/a`, owner: young.session.id });
    assertAbove(taken.version, found.version);
    const read = await ask(young.session.read(`${base}/a`));
    assertMatches(read, { owner: taken.owner, version: taken.version });
    assert.equal(text(read?.data), 'young');
    await old.probe.backend.close();
    assert.deepEqual(await server.read(`${base}/a`), { data: 'young', owner: young.session.id });
  },

  'survives the expiry of the old owner, too': async ({ server, base, join }) => {
    const [old, young] = [await join(), await join()];
    const node = await ask(old.session.create(`${base}/a`, { ephemeral: true }));
    await ask(young.session.takeOver(node, { ephemeral: true }));
    await server.expire(old.session);
    assertMatches(await server.read(`${base}/a`), { owner: young.session.id });
  },

  'can make the node persistent, or the other way round': async ({ server, base, join }) => {
    const { probe, session } = await join();
    const [one, other] = [
      await ask(session.create(`${base}/one`, { ephemeral: true })),
      await ask(session.create(`${base}/other`)),
    ];
    assert.equal((await ask(session.takeOver(one))).owner, undefined);
    assert.equal((await ask(session.takeOver(other, { ephemeral: true }))).owner, session.id);
    await probe.backend.close();
    assert.notEqual(await server.read(`${base}/one`), undefined);
    assert.equal(await server.read(`${base}/other`), undefined);
  },

  'keeps the name of the node': async ({ base, join }) => {
    const { session } = await join();
    const node = await ask(session.create(`${base}/a`));
    const taken = await ask(session.takeOver(node, { ephemeral: true, sequential: true }));
    assert.equal(taken.path, `${base}/a`);
    assert.deepEqual(await ask(session.list(base)), ['a']);
  },

  'is seen by nobody as a removal': async ({ base, join }) => {
    const [one, other, observer] = [await join(), await join(), await join()];
    let node = await ask(one.session.create(`${base}/a`, { ephemeral: true }));
    using directory = new Recorder(observer.session.watchDirectory(base));
    using seen = new Recorder(observer.session.watchNode(`${base}/a`));
    await eventually(() => directory.values.length > 0 && seen.values.length > 0);
    for (let round = 0; round < 20; round += 1) {
      node = await ask((round % 2 ? one : other).session.takeOver(node, { ephemeral: true }));
    }
    await eventually(() => assert.equal(seen.last?.version, node.version));
    await ask(observer.session.create(`${base}/b`));
    await eventually(() => assert.deepEqual(foldDirectory(directory.values).names, ['a', 'b']));
    assert.deepEqual([...foldDirectory(directory.values).gone], []);
    assert.equal(seen.values.includes(undefined), false);
  },

  'says CONFLICT when the node is not any more what was read': async ({ server, base, join }) => {
    const [one, other] = [await join(), await join()];
    const written = await ask(one.session.create(`${base}/written`));
    await ask(one.session.write(`${base}/written`, bytes('x')));
    assert.equal(await refusalOf(other.session.takeOver(written, { ephemeral: true })), 'CONFLICT');
    assert.deepEqual(await server.read(`${base}/written`), { data: 'x', owner: undefined });

    const removed = await ask(one.session.create(`${base}/removed`));
    await ask(one.session.remove(`${base}/removed`));
    assert.equal(await refusalOf(other.session.takeOver(removed, { ephemeral: true })), 'CONFLICT');
    assert.equal(await server.read(`${base}/removed`), undefined);

    const remade = await ask(one.session.create(`${base}/remade`));
    await ask(one.session.remove(`${base}/remade`));
    await ask(one.session.create(`${base}/remade`, { data: bytes('new') }));
    assert.equal(await refusalOf(other.session.takeOver(remade, { ephemeral: true })), 'CONFLICT');
    assert.deepEqual(await server.read(`${base}/remade`), { data: 'new', owner: undefined });
  },

  'says NOT_EMPTY of a node with children, and leaves it alone': async ({ server, base, join }) => {
    const { session } = await join();
    const node = await ask(session.create(`${base}/a`, { data: bytes('x') }));
    await ask(session.create(`${base}/a/child`));
    assert.equal(await refusalOf(session.takeOver(node, { ephemeral: true })), 'NOT_EMPTY');
    assert.deepEqual(await server.read(`${base}/a`), { data: 'x', owner: undefined });
  },

  'is won by one of several who try it with the same node': async ({ server, base, join }) => {
    const rivals = [await join(), await join(), await join()];
    for (let round = 0; round < 10; round += 1) {
      const node = await ask(rivals[0]!.session.create(`${base}/${round}`, { data: bytes('x') }));
      const results = await Promise.allSettled(
        rivals.map(({ session }) => ask(session.takeOver(node, { ephemeral: true }))),
      );
      const winners = rivals.filter((_, index) => results[index]?.status === 'fulfilled');
      assert.equal(winners.length, 1);
      assertMatches(await server.read(node.path), { owner: winners[0]!.session.id });
      for (const result of results) {
        if (result.status === 'rejected') assertMatches(result.reason, { code: 'CONFLICT' });
      }
    }
  },

  'takes nodes of every size that can be created, however often': async ({ base, join }) => {
    const [one, other] = [await join(), await join()];
    const data = new Uint8Array(200_000).fill(7);
    let node = await ask(one.session.create(`${base}/big`, { data }));
    for (let round = 0; round < 9; round += 1) {
      node = await ask((round % 2 ? one : other).session.takeOver(node, { data }));
    }
    assert.equal((await ask(one.session.read(`${base}/big`)))?.data.length, 200_000);
  },
});

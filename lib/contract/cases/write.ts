import assert from 'node:assert/strict';
import { assertAbove, assertMatches } from '../assertions.js';
import { cases } from '../contractCase.js';
import { ask, bytes, refusalOf } from '../probe.js';

/** What the port promises of write. */
export const write = cases('write', {
  'replaces the content and raises the version every time': async ({ server, base, join }) => {
    const { session } = await join();
    const versions = [(await ask(session.create(`${base}/a`, { data: bytes('0') }))).version];
    for (const content of ['1', '2', '2', '']) {
      const written = await ask(session.write(`${base}/a`, bytes(content)));
      assertMatches(written, { path: `${base}/a`, owner: undefined });
      assertMatches(await server.read(`${base}/a`), { data: content });
      versions.push(written.version);
    }
    versions.reduce((before, version) => (assertAbove(version, before), version));
    assert.equal((await ask(session.read(`${base}/a`)))?.version, versions.at(-1));
  },

  'leaves the owner who it is': async ({ server, base, join }) => {
    const [one, other] = [await join(), await join()];
    await ask(one.session.create(`${base}/a`, { ephemeral: true }));
    assert.equal((await ask(other.session.write(`${base}/a`, bytes('x')))).owner, one.session.id);
    await other.probe.backend.close();
    assert.deepEqual(await server.read(`${base}/a`), { data: 'x', owner: one.session.id });
  },

  'says NO_NODE where there is none, conditional or not': async ({ base, join }) => {
    const { session } = await join();
    assert.equal(await refusalOf(session.write(`${base}/none`, bytes('x'))), 'NO_NODE');
    assert.equal(await refusalOf(session.write(`${base}/none`, bytes('x'), { version: 1n })), 'NO_NODE');
    assert.equal(await refusalOf(session.write(`${base}/none`, bytes('x'), { owner: session.id })), 'NO_NODE');
  },

  'is carried out where the condition holds': async ({ server, base, join }) => {
    const { session } = await join();
    const node = await ask(session.create(`${base}/a`, { ephemeral: true }));
    const second = await ask(session.write(`${base}/a`, bytes('2'), { version: node.version }));
    const third = await ask(session.write(`${base}/a`, bytes('3'), { owner: session.id }));
    await ask(session.write(`${base}/a`, bytes('4'), { version: third.version, owner: session.id }));
    assertAbove(third.version, second.version);
    assertMatches(await server.read(`${base}/a`), { data: '4' });
  },

  'says CONFLICT where the condition does not hold, and changes nothing': async ({ server, base, join }) => {
    const [one, other] = [await join(), await join()];
    const node = await ask(one.session.create(`${base}/a`, { ephemeral: true, data: bytes('kept') }));
    const refused = [
      { version: node.version - 1n },
      { version: node.version + 1n },
      { owner: other.session.id },
      { version: node.version, owner: other.session.id },
    ];
    for (const condition of refused) {
      assert.equal(await refusalOf(one.session.write(`${base}/a`, bytes('x'), condition)), 'CONFLICT');
    }
    await server.create(`${base}/persistent`);
    assert.equal(
      await refusalOf(one.session.write(`${base}/persistent`, bytes('x'), { owner: one.session.id })),
      'CONFLICT',
    );
    assertMatches(await ask(one.session.read(`${base}/a`)), { version: node.version });
  },

  'is won by one of several who write on the same version': async ({ base, join }) => {
    const rivals = [await join(), await join(), await join()];
    const node = await ask(rivals[0]!.session.create(`${base}/a`));
    const results = await Promise.allSettled(
      rivals.map(({ session }) => ask(session.write(node.path, bytes(session.id), { version: node.version }))),
    );
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
  },

  'a version rises over removal and making anew': async ({ base, join }) => {
    const { session } = await join();
    let last = 0n;
    for (let round = 0; round < 5; round += 1) {
      for (const node of [await ask(session.create(`${base}/a`)), await ask(session.write(`${base}/a`, bytes('x')))]) {
        assertAbove(node.version, last);
        last = node.version;
      }
      await ask(session.remove(`${base}/a`));
    }
  },
});

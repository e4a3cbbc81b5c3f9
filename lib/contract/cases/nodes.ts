import assert from 'node:assert/strict';
import type { NodeState } from '../../port/index.js';
import { assertAtLeast } from '../assertions.js';
import { eventually } from '../eventually.js';
import { cases } from '../contractCase.js';
import { ask, Recorder, refusalOf } from '../probe.js';

/** What the port promises of nodes. */
export const nodes = cases('nodes', {
  'says of every answer, and of every emission of a watch, which is the later one': async ({ server, base, join }) => {
    const { session } = await join();
    const path = `${base}/a`;
    using seen = new Recorder(session.nodes.watch(path));
    await eventually(() => assert.equal(seen.values.length, 1));
    const answers: NodeState[] = [];
    for (let round = 0; round < 5; round += 1) {
      answers.push(await ask(session.nodes.create(path, { ephemeral: true })));
      const read = await ask(session.nodes.read(path));
      answers.push(read);
      if (round % 2 === 1) answers.push(await ask(session.nodes.takeOver(read.node!, { ephemeral: true })));
      if (round === 2) await server.remove(path);
      answers.push(await ask(session.nodes.remove(path)));
      answers.push(await ask(session.nodes.read(path)));
    }
    const final = await ask(session.nodes.create(path, { ephemeral: true }));
    answers.push(final);
    await eventually(() => assert.equal(seen.last?.node?.version, final.node!.version));
    for (const [index, answer] of answers.entries()) {
      assertAtLeast(answer.position, answers[index - 1]?.position ?? 0n);
    }
    // However the two ways interleave: in the order of positions, the versions rise, and the last is the node as it is.
    const heard = [...answers, ...seen.values].sort((a, b) => Number(a.position - b.position));
    let version = 0n;
    for (const { node } of heard) {
      assertAtLeast(node?.version ?? version, version);
      version = node?.version ?? version;
    }
    assert.equal(heard.at(-1)?.node?.version, final.node!.version);
    const gone = await ask(session.nodes.remove(path));
    assert.deepEqual([gone.node, gone.position > final.position], [undefined, true]);
  },

  'fails as the operations of the same name do': async ({ server, base, join }) => {
    const { session } = await join();
    const made = await ask(session.nodes.create(`${base}/a`));
    assert.equal(await refusalOf(session.nodes.create(`${base}/a`)), 'NODE_EXISTS');
    await server.write(`${base}/a`, 'x');
    assert.equal(await refusalOf(session.nodes.takeOver(made.node!)), 'CONFLICT');
    assert.equal(await refusalOf(session.nodes.remove(`${base}/a`, { version: made.node!.version })), 'CONFLICT');
  },
});

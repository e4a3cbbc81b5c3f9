import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import type { DirectoryChange, Session } from '../../../lib/port/index.js';
import { ask, foldDirectory, type Probe, Recorder, SOON_MS, text } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import type { RawEtcd } from '../../support/servers/rawEtcd.js';
import { follow, followDirectory } from './support/follow.js';
import { type GrpcRelay, type RelayedCall, startGrpcRelay, type Verdict } from './support/grpcRelay.js';
import { inSlices, numbers } from './support/inSlices.js';
import { fieldOf } from './support/protobuf.js';

let server: EtcdServer;
let raw: RawEtcd;
let relay: GrpcRelay;
const troupe = new Troupe<EtcdOptions>(etcd);
beforeAll(async () => {
  server = await startEtcd();
  raw = server.raw;
  relay = await startGrpcRelay(server);
});
afterEach(async () => {
  relay.onAnswer = undefined;
  relay.losesRequest = undefined;
  relay.release();
  await troupe.clear();
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await server.close();
});

/** The numbers of the fields of a request on a stream of watches. */
const [CREATE, PROGRESS] = [1, 3];
/** The number of the field of an answer to a watch that holds what happened. */
const EVENTS = 11;

function tellsEvents(message: Buffer, { method }: RelayedCall): boolean {
  return method === 'Watch' && fieldOf(message, EVENTS) !== undefined;
}

/** Breaks the connection where the next answer with events would come; tells whether it has. */
function breakAtEvents(): () => boolean {
  let broken = false;
  relay.onAnswer = (message, call): Verdict => {
    if (!tellsEvents(message, call)) return 'pass';
    relay.onAnswer = undefined;
    broken = true;
    return 'break';
  };
  return () => broken;
}

async function namesIn(directory: string): Promise<string[]> {
  return (await raw.range(`${directory}/`)).map(({ key }) => key.slice(directory.length + 1));
}

/** Waits until what was told adds up to what the server holds. */
async function agrees(seen: Recorder<DirectoryChange>, directory: string): Promise<void> {
  await eventually(
    async () => {
      expect(seen.values).not.toEqual([]);
      expect(foldDirectory(seen.values).names).toEqual(await namesIn(directory));
    },
    { withinMs: SOON_MS },
  );
}

async function putAll(keys: readonly string[]): Promise<void> {
  const batches = numbers(Math.ceil(keys.length / 100)).map((batch) => keys.slice(batch * 100, batch * 100 + 100));
  await inSlices(batches, 8, (put) => raw.transact({ put }));
}

async function resumed(probe: Probe, session: Session): Promise<void> {
  await probe.reaches('suspended');
  await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
  expect(await probe.session()).toBe(session);
}

describe('the position of a watch', () => {
  it('no missed removal: a cut between the answer that a watch is set and its first events loses nothing', async () => {
    await putAll(['/position/a', '/position/b']);
    const probe = troupe.follow(relay.address);
    const session = await probe.session();
    using seen = followDirectory(probe, '/position');
    await agrees(seen, '/position');
    for (const round of numbers(5)) {
      // The first answer that has something to tell breaks off, and so does what comes of the next connection.
      const isBroken = breakAtEvents();
      for (const index of numbers(20)) await raw.put(`/position/${round}-${index}`);
      await eventually(isBroken);
      const isBrokenAgain = breakAtEvents();
      await raw.delete(round % 2 ? '/position/b' : '/position/a');
      await raw.put(round % 2 ? '/position/a' : '/position/b');
      await eventually(async () => {
        await raw.put(`/position/${round}-last`);
        return isBrokenAgain();
      });
      await agrees(seen, '/position');
    }
    expect(foldDirectory(seen.values).names).toHaveLength(5 * 21 + 1);
    expect(await probe.session()).toBe(session);
  });

  it('no missed removal: cuts in the middle of a catch-up of 2,200 revisions lose nothing', async () => {
    const old = numbers(1_000).map((index) => `/behind/old-${index}`);
    const young = numbers(1_200).map((index) => `/behind/young-${index}`);
    await putAll(old);
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: 3_000, tuning: { pageSize: 400 } });
    const session = await probe.session();
    using seen = followDirectory(probe, '/behind');
    await agrees(seen, '/behind');

    relay.onAnswer = (message, call) => (tellsEvents(message, call) ? 'hold' : 'pass');
    await inSlices(numbers(2_200), 100, (index) =>
      index < 1_000 ? raw.delete(old[index]!) : raw.put(young[index - 1_000]!),
    );
    // Whoever catches up is told 1,000 revisions at a time; whoever reads again, 400 keys: each answer breaks off once.
    for (const nth of numbers(9)) {
      let answers = 0;
      relay.onAnswer = (_, { method }): Verdict => {
        if (method === 'LeaseKeepAlive' || (answers += 1) <= nth) return 'pass';
        relay.onAnswer = undefined;
        return 'break';
      };
      relay.break();
      await eventually(() => relay.onAnswer === undefined);
    }
    await agrees(seen, '/behind');
    expect(await probe.session()).toBe(session);
  });

  it('no missed removal: nor do cuts at any byte of it', async () => {
    const { proxy, probe, session } = await troupe.join(server.port);
    using seen = followDirectory(probe, '/anywhere');
    await agrees(seen, '/anywhere');
    for (const round of numbers(12)) {
      proxy.cut();
      await eventually(() => probe.state?.status === 'suspended');
      await inSlices(numbers(40), 40, (index) => raw.put(`/anywhere/${round}-${index}-${'x'.repeat(200)}`));
      if (round > 0) await raw.deleteRange(`/anywhere/${round - 1}-`);
      // Shaking hands takes some 500 bytes, what happened some 10,000.
      proxy.cutAfter(400 + round * 900, 'toClient');
      proxy.heal();
      await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
    }
    await agrees(seen, '/anywhere');
    expect(await probe.session()).toBe(session);
  });

  it('is not what a sign of life says: older servers count ahead of what they have told', async () => {
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: 2_000 });
    await probe.session();
    using seen = followDirectory(probe, '/ahead');
    await agrees(seen, '/ahead');
    // Signs of life come, events do not: so that the server is taken to be alive, and as far as it says.
    let signs = 0;
    relay.onAnswer = (message, call) => {
      if (tellsEvents(message, call)) return 'lose';
      if (call.method === 'Watch') signs += 1;
      return 'pass';
    };
    for (const index of numbers(10)) await raw.put(`/ahead/${index}`);
    await eventually(() => signs >= 2);
    relay.onAnswer = undefined;
    relay.break();
    await agrees(seen, '/ahead');
  });

  it('a watch on a node is set anew with a reading, and sees what was missed', async () => {
    const probe = troupe.follow(relay.address);
    await probe.session();
    using seen = follow(probe, (session) => session.watchNode('/position/node'));
    await eventually(() => seen.values.length === 1);
    for (const round of numbers(5)) {
      const isBroken = breakAtEvents();
      await raw.put('/position/node', `${round}`);
      await eventually(isBroken);
      await eventually(() => expect(text(seen.last?.data)).toBe(`${round}`), { withinMs: SOON_MS });
    }
    await raw.delete('/position/node');
    await eventually(() => expect(seen.last).toBeUndefined());
  });
});

describe('more than fits one answer', () => {
  it('names that make a page larger than 4 MiB are read, and watched', async () => {
    const { probe, session } = await troupe.join(server.port);
    await putAll(numbers(2_500).map((index) => `/wide/${String(index).padStart(1_800, 'x')}`));
    expect(await ask(session.list('/wide'))).toHaveLength(2_500);
    using seen = followDirectory(probe, '/wide');
    await eventually(() => expect(seen.values).toMatchObject([{ type: 'snapshot' }]));
    await raw.deleteRange('/wide/');
    await agrees(seen, '/wide');
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });
});

describe('compaction', () => {
  it('no missed removal: of what happened while we were away', async () => {
    await putAll(['/compacted/a', '/compacted/b', '/compacted/c']);
    const { proxy, probe, session } = await troupe.join(server.port);
    using seen = followDirectory(probe, '/compacted');
    using node = follow(probe, (each) => each.watchNode('/compacted/a'));
    await agrees(seen, '/compacted');
    proxy.cut();
    await probe.reaches('suspended');
    await raw.delete('/compacted/a');
    await raw.put('/compacted/d');
    await raw.compact();
    proxy.heal();
    await agrees(seen, '/compacted');
    await eventually(() => expect(node.values).toEqual([expect.anything(), undefined]));
    await raw.put('/compacted/e');
    await agrees(seen, '/compacted');
    expect([...foldDirectory(seen.values).gone]).toEqual(['a']);
    expect(await probe.session()).toBe(session);
    expect(seen.error).toBeUndefined();
  });

  it('no flap: a quiet watch, whose position has long been dropped, is set anew without an event', async () => {
    await putAll(['/quiet/a']);
    const { proxy, probe, session } = await troupe.join(server.port);
    using seen = followDirectory(probe, '/quiet');
    await agrees(seen, '/quiet');
    for (const round of numbers(3)) {
      await putAll([`/elsewhere/${round}`]);
      await raw.compact();
      proxy.dropConnections();
      await eventually(() => expect(probe.statuses).toHaveLength(4 + 2 * round), { withinMs: SOON_MS });
      await raw.put(`/quiet/b${round}`);
      await agrees(seen, '/quiet');
    }
    expect(foldDirectory(seen.values).gone.size).toBe(0);
    expect(await probe.session()).toBe(session);
  });

  it('convergence: between the reading and the watch that carries on from it', async () => {
    const { proxy, probe, session } = await troupe.join(server.port);
    proxy.delay(100);
    const { toServer } = proxy.bytes();
    using seen = new Recorder(session.watchNode('/between'));
    using directory = new Recorder(session.watchDirectory('/between-directory'));
    // The question is on its way, its answer has yet to come back, and the watch to go there.
    await eventually(() => proxy.bytes().toServer > toServer, { everyMs: 2 });
    await eventually(async () => {
      await raw.put('/between', 'x');
      await raw.put('/between-directory/a');
      await raw.compact();
      return seen.values.length > 0 && directory.values.length > 0;
    });
    proxy.delay(0);
    await eventually(() => expect(text(seen.last?.data)).toBe('x'));
    await agrees(directory, '/between-directory');
    expect([seen.error, directory.error]).toEqual([undefined, undefined]);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });

  it('no leak: the server is left with no watch that it has canceled', async () => {
    const session = await troupe.follow(relay.address).session();
    const watches = await raw.watches();
    const watchesAskedFor = (path: string) =>
      relay.calls
        .filter(({ method }) => method === 'Watch')
        .flatMap(({ requests }) => requests)
        .filter((request) => request.includes(path)).length;
    for (const round of numbers(3)) {
      const path = `/canceled/${round}`;
      let held = false;
      relay.onAnswer = (_, { method }): Verdict => {
        if (method !== 'Range') return 'pass';
        held = true;
        return 'hold';
      };
      using seen = new Recorder(session.watchNode(path));
      await eventually(() => held);
      relay.onAnswer = undefined;
      // What the watch is to begin with is dropped before the reading arrives.
      await raw.put(path, 'old');
      await raw.put(path, 'new');
      await raw.compact();
      relay.release();
      await eventually(() => expect(text(seen.last?.data)).toBe('new'));
      // The second one is asked for after that was told.
      await eventually(() => expect(watchesAskedFor(path)).toBe(2));
      await eventually(async () => expect(await raw.watches()).toBe(watches + 1));
    }
    await eventually(async () => expect(await raw.watches()).toBe(watches));
  });

  it('convergence: between two pages of a list', async () => {
    const keys = numbers(60).map((index) => `/paged/${index + 100}`);
    await putAll(keys);
    const { proxy, session } = await troupe.join(server.port, { tuning: { pageSize: 10 } });
    proxy.delay(10);
    const list = ask(session.list('/paged'));
    using seen = new Recorder(session.watchDirectory('/paged'));
    let compactions = 0;
    await eventually(async () => {
      await raw.put('/paged/0');
      await raw.compact();
      return (compactions += 1) === 20;
    });
    expect(await list).toHaveLength(61);
    await agrees(seen, '/paged');
    expect(seen.error).toBeUndefined();
  });
});

describe('a store that is an older copy of itself', () => {
  it('no missed removal: a watch tells everything as the copy has it, and goes on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rx-registry-restored-'));
    const [data, copy] = [join(folder, 'data'), join(folder, 'copy')];
    const restored = await startEtcd({ flags: { 'data-dir': data } });
    try {
      const { proxy, probe, session } = await troupe.join(restored.port);
      await restored.raw.put('/restored/stays');
      await restored.raw.put('/restored/returns');
      await ask(session.create('/restored/ours', { ephemeral: true }));
      await restored.kill();
      await cp(data, copy, { recursive: true });
      await restored.start();
      await resumed(probe, session);

      using seen = followDirectory(probe, '/restored');
      await restored.raw.delete('/restored/returns');
      for (const index of numbers(20)) await restored.raw.put(`/restored/unknown-${index}`);
      await eventually(() => expect(foldDirectory(seen.values).names).toHaveLength(22));

      proxy.cut();
      await restored.kill();
      await rm(data, { recursive: true });
      await cp(copy, data, { recursive: true });
      await restored.start();
      proxy.heal();
      await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['ours', 'returns', 'stays']), {
        withinMs: SOON_MS,
      });
      // And it is not deaf.
      await restored.raw.put('/restored/new');
      await eventually(() => expect(foldDirectory(seen.values).names).toContain('new'));
      expect(await probe.session()).toBe(session);

      // As before, but others were here first: the copy has more revisions by now than what it replaced.
      for (const index of numbers(20)) await restored.raw.put(`/restored/unknown-${index}`);
      await eventually(() => expect(foldDirectory(seen.values).names).toHaveLength(24));
      proxy.cut();
      await restored.kill();
      await rm(data, { recursive: true });
      await cp(copy, data, { recursive: true });
      await restored.start();
      await restored.raw.put('/restored/other');
      for (const _ of numbers(40)) await restored.raw.put('/elsewhere');
      proxy.heal();
      await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['other', 'ours', 'returns', 'stays']));
    } finally {
      await restored.close();
      await rm(folder, { recursive: true });
    }
  });
});

describe('leaving', () => {
  it('needs no answer of the server, and what was left in an outage is not watched after it', async () => {
    const { proxy, probe, session } = await troupe.join(server.port);
    const before = await raw.watches();
    const kept = followDirectory(probe, '/left/kept');
    const left = numbers(20).flatMap((index) => [
      followDirectory(probe, `/left/${index}`),
      follow(probe, (each) => each.watchNode(`/left/${index}/node`)),
    ]);
    await eventually(async () => expect(await raw.watches()).toBe(before + 41));
    proxy.blackHole();
    for (const each of left) each.stop();
    proxy.heal();
    await eventually(() => expect(probe.statuses).toHaveLength(4), { withinMs: SOON_MS });
    await eventually(async () => expect(await raw.watches()).toBe(before + 1));
    // On a connection that lives, after the server has set them, and before it can say so.
    const keys = numbers(20).map((index) => `/left/live-${index}`);
    for (const delay of [0, 30]) {
      proxy.delay(delay);
      const watches = keys.map((key) => new Recorder(session.watchNode(key)));
      await eventually(() => watches.every(({ values }) => values.length > 0), { everyMs: 1 });
      if (delay === 0) {
        await raw.transact({ put: keys });
        await eventually(() => watches.every(({ values }) => values.length > 1));
      }
      for (const each of watches) each.stop();
    }
    proxy.delay(0);
    // Asked for and left in one breath.
    for (const index of numbers(100)) {
      session.watchNode(`/left/${index}`).subscribe().unsubscribe();
      session.watchDirectory(`/left/${index}`).subscribe().unsubscribe();
    }
    await ask(session.read('/left'));
    await eventually(async () => expect(await raw.watches()).toBe(before + 1));
    kept.stop();
    await eventually(async () => expect(await raw.watches()).toBe(before));
  });
});

describe('what a subscriber throws', () => {
  it('isolation: costs nobody the rest of the events that came with it', async () => {
    const { probe, session } = await troupe.join(server.port);
    const paths = numbers(50).map((index) => `/throws/${index}`);
    const bomb = (): boolean => {
      throw new Error('a subscriber’s own');
    };
    const seen = paths.map((path) => new Recorder(session.watchNode(path)));
    const thrown = paths.map((path) => new Recorder(session.watchNode(path).pipe(filter((node) => !node || bomb()))));
    using directory = followDirectory(probe, '/throws');
    using broken = new Recorder(
      session.watchDirectory('/throws').pipe(filter(({ type }) => type === 'snapshot' || bomb())),
    );
    await eventually(() =>
      expect([...seen, ...thrown, directory, broken].every(({ values }) => values.length > 0)).toBe(true),
    );
    await raw.transact({ put: paths });
    await eventually(() => expect(seen.every(({ last }) => last !== undefined)).toBe(true));
    await agrees(directory, '/throws');
    // On a stream of its own each: in no order.
    await eventually(() =>
      expect([...thrown, broken].map(({ error }) => String(error))).toEqual(
        Array(51).fill('Error: a subscriber’s own'),
      ),
    );
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    for (const each of seen) each.stop();
  });
});

describe('a stream of watches that says nothing', () => {
  const T = 2_000;

  it('liveness: is asked for a sign of life, and left for another one when there is none', async () => {
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: T });
    const session = await probe.session();
    using seen = followDirectory(probe, '/deaf');
    await agrees(seen, '/deaf');
    // All streams but that on which the leases are kept.
    const deaf = relay.connections;
    relay.onAnswer = (_, { method, connection }) => (method === 'Watch' && connection === deaf ? 'hold' : 'pass');
    const since = performance.now();
    await raw.put('/deaf/a');
    await agrees(seen, '/deaf');
    expect(performance.now() - since).toBeLessThan((T * 11) / 12 + SLACK_MS);
    expect(await probe.session()).toBe(session);
    expect(probe.statuses).not.toContain('lost');
  });

  it('no flap: is left alone for as long as it gives signs of life', async () => {
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: 1_000 });
    await probe.session();
    using seen = followDirectory(probe, '/silent');
    await agrees(seen, '/silent');
    // The one beside it has no watch, and needs no sign of life.
    const stream = relay.calls.filter(({ method }) => method === 'Watch').at(-1)!;
    const before = stream.requests.length;
    await eventually(() => stream.requests.length >= before + 3);
    expect(seen.values).toHaveLength(1);
    expect(relay.calls.filter(({ method }) => method === 'Watch').at(-1)).toBe(stream);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });

  it('no flap: lives on a server, or behind a proxy, that ignores requests for progress', async () => {
    relay.losesRequest = (message, { method }) => method === 'Watch' && fieldOf(message, PROGRESS) !== undefined;
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: T });
    await probe.session();
    using seen = followDirectory(probe, '/no-progress');
    using node = follow(probe, (session) => session.watchNode('/no-progress/a'));
    await agrees(seen, '/no-progress');
    // Long enough for a quiet stream to have been given up twice.
    const since = performance.now();
    await eventually(() => performance.now() - since > 2 * T);
    await raw.put('/no-progress/a');
    await agrees(seen, '/no-progress');
    await eventually(() => expect(node.last?.path).toBe('/no-progress/a'));
    expect(probe.statuses).toEqual(['connecting', 'connected']);
  });

  it('bounded load, no leak: signs of life leave no watch behind', async () => {
    const before = await raw.watches();
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: T });
    await probe.session();
    using seen = followDirectory(probe, '/counted');
    await agrees(seen, '/counted');
    const stream = relay.calls.filter(({ method }) => method === 'Watch').at(-1)!;
    await eventually(() => stream.requests.length >= 4);
    expect(await raw.watches()).toBe(before + 1);
  });

  it('liveness: a watch that is asked for and never set costs the connection, and is set on another', async () => {
    const probe = troupe.follow(relay.address, { sessionTimeoutMs: T });
    const session = await probe.session();
    const deaf = relay.connections;
    relay.losesRequest = (message, { method, connection }) =>
      method === 'Watch' && connection === deaf && fieldOf(message, CREATE) !== undefined;
    const since = performance.now();
    using node = follow(probe, (each) => each.watchNode('/unset/node'));
    using seen = followDirectory(probe, '/unset');
    await eventually(() => relay.connections > deaf);
    await raw.put('/unset/node');
    await agrees(seen, '/unset');
    await eventually(() => expect(node.last?.path).toBe('/unset/node'));
    // A third of the session timeout for the answer, and the waits to connect again.
    expect(performance.now() - since).toBeLessThan(T / 3 + SLACK_MS);
    expect(await probe.session()).toBe(session);
    expect(probe.statuses).toEqual(['connecting', 'connected', 'suspended', 'connected']);
  });
});

describe('after an outage', () => {
  it('convergence: the watch is back within moments of the server, however long that was away', async () => {
    const outage = await startEtcd();
    try {
      const probe = troupe.follow(outage.address, { sessionTimeoutMs: 30_000 });
      const session = await probe.session();
      using seen = followDirectory(probe, '/back');
      await eventually(() => seen.values.length === 1);
      await outage.kill();
      await probe.reaches('suspended');
      // Long enough for a wait that doubles to be of seconds.
      const killed = performance.now();
      await eventually(() => performance.now() - killed > 3_000);
      await outage.start();
      const since = performance.now();
      await outage.raw.put('/back/a');
      await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['a']), { everyMs: 5 });
      expect(performance.now() - since).toBeLessThan(500 + SLACK_MS / 2);
      expect(await probe.session()).toBe(session);
    } finally {
      await outage.close();
    }
  });
});

describe('reading and then watching', () => {
  it('legal events: nothing is missed and nothing told twice, while others write', async () => {
    const { probe } = await troupe.join(server.port, { tuning: { pageSize: 7 } });
    const keys = numbers(60).map((index) => `/busy/${index}`);
    let over = false;
    const writing = Promise.all(
      numbers(4).map(async (writer) => {
        for (let round = 0; !over; round += 1) {
          const key = keys[(round * 7 + writer * 15) % keys.length]!;
          await ((round + writer) % 3 ? raw.put(key) : raw.delete(key));
        }
      }),
    );
    const views: Recorder<DirectoryChange>[] = [];
    for (const _ of numbers(25)) {
      views.push(followDirectory(probe, '/busy'));
      await eventually(() => views.at(-1)!.values.length > 0);
    }
    over = true;
    await writing;
    const names = await namesIn('/busy');
    for (const view of views) {
      await eventually(() => expect(foldDirectory(view.values).names).toEqual(names));
      view.stop();
    }
  });

  it('no missed removal: what happens first after the reading, and before the watch is set, is told', async () => {
    await putAll(['/first/a', '/first/b']);
    const probe = troupe.follow(relay.address);
    const session = await probe.session();
    let read = 0;
    relay.onAnswer = (_, { method }): Verdict => {
      if (method !== 'Range') return 'pass';
      read += 1;
      return 'hold';
    };
    using directory = new Recorder(session.watchDirectory('/first'));
    using node = new Recorder(session.watchNode('/first/b'));
    await eventually(() => read === 2);
    relay.onAnswer = undefined;
    await raw.delete('/first/b');
    relay.release();
    await agrees(directory, '/first');
    await eventually(() => expect(node.values).toEqual([expect.anything(), undefined]));
  });

  it('legal events: the pages of a list are of one revision', async () => {
    const { session } = await troupe.join(server.port, { tuning: { pageSize: 5 } });
    const keys = numbers(100).map((index) => `/moving/${index + 100}`);
    // In every revision there are just so many; in no two the same.
    await putAll(keys.slice(0, 50));
    let over = false;
    const moving = (async () => {
      for (let round = 0; !over; round += 1) {
        const [come, go] = [keys[(round + 50) % 100]!, keys[round % 100]!];
        await raw.transact({ put: [come], delete: [go] });
      }
    })();
    for (const _ of numbers(25)) {
      const [list, snapshot] = await Promise.all([
        ask(session.list('/moving')),
        ask(session.watchDirectory('/moving')),
      ]);
      expect(list).toHaveLength(50);
      expect(snapshot.type === 'snapshot' && snapshot.names).toHaveLength(50);
    }
    over = true;
    await moving;
  });
});

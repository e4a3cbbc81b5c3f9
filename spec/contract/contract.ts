import { catchError, firstValueFrom, NEVER, type Observable, of } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryError } from '../../lib/errors.js';
import type { NodeState, Session } from '../../lib/port/index.js';
import { eventually } from '../support/servers/eventually.js';
import { settled } from '../support/scenario/settled.js';
import { AN_ERROR, ask, bytes, foldDirectory, Probe, Recorder, refusalOf, SOON_MS, text } from './probe.js';
import { describeWatchDirectories } from './watchDirectories.js';
import type { World, WorldClient } from './world.js';

/** What the port promises, sentence by sentence, of any backend. */
export function describeContract(name: string, open: () => Promise<World>): void {
  describe(`the contract of a backend, kept by ${name}`, () => {
    let world: World;
    let base: string;
    let directories = 0;
    const members: Member[] = [];

    beforeAll(async () => void (world = await open()));
    afterAll(() => world[Symbol.asyncDispose]());
    beforeEach(() => void (base = `/contract-${(directories += 1)}`));
    afterEach(async () => {
      for (const member of members) member.client.heal();
      await Promise.all(members.map((member) => member.probe.backend.close()));
      for (const member of members) member.probe.expectLegal();
      members.length = 0;
    });

    interface Member {
      readonly client: WorldClient;
      readonly probe: Probe;
      readonly session: Session;
    }

    async function join(timeoutMs = world.longTimeoutMs): Promise<Member> {
      const client = await world.client(timeoutMs);
      const probe = new Probe(client.backend);
      const member = { client, probe, session: await probe.session() };
      members.push(member);
      return member;
    }

    async function gone(path: string): Promise<void> {
      await eventually(async () => (await world.read(path)) === undefined, {
        what: `the end of ${path}`,
        withinMs: SOON_MS,
      });
    }

    describe('its states', () => {
      it('begin with the first attempt and go on to a session', async () => {
        const { probe, session } = await join();
        expect(probe.trace).toEqual([
          { status: 'connecting', attempt: 1 },
          { status: 'connected', session },
        ]);
        expect(await world.knows(session)).toBe(true);
      });

      it('do nothing before somebody subscribes', async () => {
        const client = await world.client(world.longTimeoutMs);
        client.cut();
        await client.backend.close();
        client.heal();
        const probe = new Probe(client.backend);
        expect(probe.trace).toEqual([{ status: 'closed' }]);
      });

      it('are shared, and the current one is replayed', async () => {
        const { probe, session } = await join();
        const late = new Probe(probe.backend);
        expect(late.trace).toEqual([{ status: 'connected', session }]);
        late.leave();
        expect(await ask(session.list('/'))).toBeDefined();
        expect(probe.statuses).toEqual(['connecting', 'connected']);
      });

      it('end with the last subscriber, who takes the session along, and begin anew with the next', async () => {
        const { probe, session } = await join();
        await ask(session.create(`${base}/mine`, { ephemeral: true }));
        probe.leave();
        await gone(`${base}/mine`);
        await eventually(async () => !(await world.knows(session)));

        const again = new Probe(probe.backend);
        const next = await again.session();
        expect(next).not.toBe(session);
        expect(next.id).not.toBe(session.id);
        expect(again.statuses).toEqual(['connecting', 'connected']);
        await probe.backend.close();
        again.expectLegal();
      });

      it('count the attempts while there is no server, each with the cause of the last, and go on when there is', async () => {
        const client = await world.client(world.longTimeoutMs);
        client.cut();
        const probe = new Probe(client.backend);
        await eventually(() => probe.trace.length >= 4, { withinMs: SOON_MS });
        expect(probe.trace[0]).toEqual({ status: 'connecting', attempt: 1 });
        for (const [index, state] of probe.trace.entries()) {
          expect(state).toMatchObject({ status: 'connecting', attempt: index + 1 });
          if (index > 0) expect(state).toMatchObject({ cause: AN_ERROR });
        }
        client.heal();
        const session = await probe.session();
        probe.expectLegal();
        await client.backend.close();
        expect(await world.knows(session)).toBe(false);
      });

      it('end with closed, which is final and told to whoever comes later', async () => {
        const { probe, session } = await join();
        await probe.backend.close();
        expect(probe.statuses).toEqual(['connecting', 'connected', 'closed']);
        expect(probe.completed).toBe(true);
        const late = new Probe(probe.backend);
        expect(late.trace).toEqual([{ status: 'closed' }]);
        expect(late.completed).toBe(true);
        expect(await world.knows(session)).toBe(false);
      });

      it('tell of a new session with a new object after the server has ended the old one', async () => {
        const { probe, session } = await join();
        await ask(session.create(`${base}/mine`, { ephemeral: true }));
        await world.expire(session);
        const next = await probe.session(session);
        expect(next.id).not.toBe(session.id);
        expect(await probe.reaches('lost')).toMatchObject({ confirmed: true, cause: { code: 'SESSION_EXPIRED' } });
        expect(await world.read(`${base}/mine`)).toBeUndefined();
        await ask(next.create(`${base}/mine`, { ephemeral: true }));
        expect(await world.read(`${base}/mine`)).toMatchObject({ owner: next.id });
      });

      it('tell of the same session with the same object after an interruption, and its nodes are untouched', async () => {
        const { client, probe, session } = await join();
        const node = await ask(session.create(`${base}/mine`, { ephemeral: true }));
        client.cut(session);
        const suspended = await probe.reaches('suspended');
        expect(suspended.session).toBe(session);
        expect(suspended.cause).toBeInstanceOf(Error);
        client.heal();
        await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
        expect(probe.trace.slice(-2)).toEqual([suspended, { status: 'connected', session }]);
        expect(await probe.session()).toBe(session);
        expect(await ask(session.read(`${base}/mine`))).toEqual(node);
      });

      it('tell by their own clock that the session may be over, without any server', async () => {
        const { client, probe, session } = await join(world.shortTimeoutMs);
        await ask(session.create(`${base}/mine`, { ephemeral: true }));
        const from = probe.trace.length - 1;
        client.cut(session);
        const start = performance.now();
        const lost = await probe.reaches('lost', from);
        // At the latest after a session timeout; the rest is for a busy machine.
        expect(performance.now() - start).toBeLessThan(world.shortTimeoutMs + 2_000);
        expect(lost).toMatchObject({ confirmed: false, cause: AN_ERROR });
        await gone(`${base}/mine`);
        await eventually(async () => !(await world.knows(session)), { withinMs: SOON_MS });
        client.heal();
        const next = await probe.session(session);
        expect(next.id).not.toBe(session.id);
      });

      it('tell of a server that has fallen silent', async () => {
        const { client, probe, session } = await join(world.shortTimeoutMs);
        const from = probe.trace.length - 1;
        client.blackHole(session);
        const start = performance.now();
        await probe.reaches('suspended', from);
        await probe.reaches('lost', from);
        expect(performance.now() - start).toBeLessThan(world.shortTimeoutMs + 2_000);
        client.heal();
        await probe.session();
      });
    });

    describe('its close()', () => {
      it('ends the session, so that its nodes are gone by then', async () => {
        const { probe, session } = await join();
        await ask(session.create(`${base}/mine`, { ephemeral: true }));
        await ask(session.create(`${base}/ours`));
        await probe.backend.close();
        expect(await world.read(`${base}/mine`)).toBeUndefined();
        expect(await world.read(`${base}/ours`)).toBeDefined();
        expect(await world.knows(session)).toBe(false);
      });

      it('resolves more than once, and before anything was begun', async () => {
        const { probe } = await join();
        await Promise.all([probe.backend.close(), probe.backend.close()]);
        await probe.backend.close();
        await (await world.client(world.longTimeoutMs)).backend.close();
      });

      it('resolves by its deadline while the link is dead or silent, and while there has never been one', async () => {
        const [silent, dead] = [await join(), await join()];
        const never = await world.client(world.longTimeoutMs);
        silent.client.blackHole(silent.session);
        dead.client.cut(dead.session);
        await dead.probe.reaches('suspended');
        never.blackHole();
        const trying = new Probe(never.backend);
        await trying.reaches('connecting');
        const start = performance.now();
        await Promise.all([silent, dead, { probe: trying }].map(({ probe }) => probe.backend.close(300)));
        expect(performance.now() - start).toBeLessThan(2_300);
        for (const { probe } of [silent, dead, { probe: trying }]) {
          expect(probe.state).toEqual({ status: 'closed' });
          expect(probe.completed).toBe(true);
        }
        never.heal();
      });

      it('leaves a session that can be asked for nothing any more', async () => {
        const { probe, session } = await join();
        await probe.backend.close();
        expect(await refusalOf(session.read('/'))).toBe('CONNECTION_LOST');
        expect(await refusalOf(session.create(`${base}/late`))).toBe('CONNECTION_LOST');
        expect(await refusalOf(session.watchDirectory(base))).toBe('CONNECTION_LOST');
        expect(await refusalOf(session.watchDirectories(NEVER))).toBe('CONNECTION_LOST');
        expect(await world.read(`${base}/late`)).toBeUndefined();
      });
    });

    describe('a session', () => {
      it('has an id of its own and the negotiated timeout', async () => {
        const [one, other] = [await join(world.longTimeoutMs), await join(world.shortTimeoutMs)];
        expect(one.session.id).not.toBe(other.session.id);
        expect(one.session.timeoutMs).toBe(world.longTimeoutMs);
        expect(other.session.timeoutMs).toBe(world.shortTimeoutMs);
      });

      it('carries each operation out once for each subscription, and none without', async () => {
        const { session } = await join();
        const create = session.create(`${base}/n-`, { sequential: true });
        expect(await ask(session.list(base))).toEqual([]);
        const [first, second] = [await ask(create), await ask(create)];
        expect(first.path).not.toBe(second.path);
        expect(await ask(session.list(base))).toHaveLength(2);
      });

      it('emits one value from an operation and completes', async () => {
        const { session } = await join();
        const told = async (operation: Observable<unknown>): Promise<number> => {
          let values = 0;
          await new Promise<void>((resolve, reject) =>
            operation.subscribe({ next: () => (values += 1), complete: resolve, error: reject }),
          );
          return values;
        };
        expect(await told(session.makeDirectory(`${base}/deep/er`))).toBe(1);
        expect(await told(session.makeDirectory(`${base}/deep/er`))).toBe(1);
        expect(await told(session.makeDirectory('/'))).toBe(1);
        expect(await told(session.create(`${base}/node`))).toBe(1);
        expect(await told(session.takeOver(await ask(session.create(`${base}/other`))))).toBe(1);
        expect(await told(session.read(`${base}/none`))).toBe(1);
        expect(await told(session.sync())).toBe(1);
        expect(await told(session.list(`${base}/none`))).toBe(1);
        expect(await told(session.write(`${base}/node`, bytes('x')))).toBe(1);
        expect(await told(session.remove(`${base}/none`))).toBe(1);
        expect(await told(session.remove(`${base}/node`))).toBe(1);
      });

      it('reads what another session was told that it is there, after sync', async () => {
        const [one, other] = [await join(), await join()];
        for (let round = 0; round < 5; round++) {
          await ask(one.session.create(`${base}/synced-${round}`));
          await ask(other.session.sync());
          expect(await ask(other.session.list(base))).toContain(`synced-${round}`);
        }
      });

      it('does not take back what was sent when unsubscribed', async () => {
        const { session } = await join();
        await world.create(base);
        session.create(`${base}/sent`).subscribe().unsubscribe();
        await ask(session.list('/'));
        await eventually(async () => (await world.read(`${base}/sent`)) !== undefined);
      });

      it('says CONNECTION_LOST to whatever is asked while it has no connection', async () => {
        const { client, probe, session } = await join();
        const node = await ask(session.create(`${base}/node`));
        client.cut(session);
        await probe.reaches('suspended');
        const operations = [
          session.makeDirectory(`${base}/d`),
          session.create(`${base}/c`),
          session.takeOver(node),
          session.read(`${base}/node`),
          session.list(base),
          session.write(`${base}/node`, bytes('x')),
          session.remove(`${base}/node`),
          session.watchNode(`${base}/node`),
          session.watchDirectory(base),
          session.watchDirectories(NEVER),
        ];
        for (const operation of operations) expect(await refusalOf(operation)).toBe('CONNECTION_LOST');
        expect(await world.read(`${base}/node`)).toMatchObject({ data: '' });
      });

      it('fails what is under way when the connection breaks', async () => {
        const { client, probe, session } = await join(world.shortTimeoutMs);
        const from = probe.trace.length - 1;
        client.blackHole(session);
        const answers = [session.read('/'), session.list('/'), session.create(`${base}/x`)].map((operation) =>
          refusalOf(operation),
        );
        await probe.reaches('suspended', from);
        expect(await Promise.all(answers)).toEqual(answers.map(() => 'CONNECTION_LOST'));
      });

      it('errors every watch when the connection breaks, rather than leaving it deaf', async () => {
        const { client, session } = await join();
        const node = new Recorder(session.watchNode(`${base}/node`));
        const directory = new Recorder(session.watchDirectory(base));
        await eventually(() => node.values.length === 1 && directory.values.length === 1);
        client.cut(session);
        await eventually(() => {
          expect(node.error).toMatchObject({ code: 'CONNECTION_LOST' });
          expect(directory.error).toMatchObject({ code: 'CONNECTION_LOST' });
        });
      });

      it.each([
        'relative',
        '',
        '/trailing/',
        '//double',
        '/dotted/../path',
        '/dotted/.',
        '/control\u0000',
        '/control\u001f/x',
        '/surrogate\ud800',
        '/private\uf8ff',
      ])('refuses the path %j at once, without asking the server', async (path) => {
        const { session } = await join();
        const node = { path, data: bytes(''), owner: undefined, version: 1n };
        const operations: Observable<unknown>[] = [
          session.makeDirectory(path),
          session.create(path),
          session.takeOver(node),
          session.read(path),
          session.list(path),
          session.write(path, bytes('')),
          session.remove(path),
          session.watchNode(path),
          session.watchDirectory(path),
        ];
        for (const operation of operations) {
          // Nothing that was sent can be answered before subscribe() returns.
          let error: unknown;
          operation.subscribe({ error: (reason: unknown) => (error = reason) });
          expect(error).toMatchObject({ name: 'RegistryError', code: 'INVALID_PATH' });
        }
      });

      it('refuses an invalid path for what it is also while there is no connection', async () => {
        const { client, probe, session } = await join();
        client.cut(session);
        await probe.reaches('suspended');
        expect(await refusalOf(session.read('relative'))).toBe('INVALID_PATH');
        expect(await refusalOf(session.watchNode('relative'))).toBe('INVALID_PATH');
      });

      it('never lets its nodes outlive it', async () => {
        const [owner, observer] = [await join(), await join()];
        const paths = Array.from({ length: 50 }, (_, index) => `${base}/n${index}`);
        await Promise.all(paths.map((path) => ask(owner.session.create(path, { ephemeral: true }))));
        const seen = new Recorder(observer.session.watchDirectory(base));
        await eventually(() => foldDirectory(seen.values).names.length === 50);
        await world.expire(owner.session);
        await eventually(() => foldDirectory(seen.values).names.length === 0, { withinMs: SOON_MS });
      });
    });

    describe('makeDirectory', () => {
      it('makes a persistent directory and its parents', async () => {
        const { probe, session } = await join();
        await ask(session.makeDirectory(`${base}/a/b/c`));
        await probe.backend.close();
        expect(await world.read(`${base}/a/b/c`)).toEqual({ data: '', owner: undefined });
        expect(await world.read(`${base}/a`)).toEqual({ data: '', owner: undefined });
      });

      it('leaves alone what exists', async () => {
        const { session } = await join();
        const node = await ask(session.create(`${base}/a`, { data: bytes('kept') }));
        await ask(session.makeDirectory(`${base}/a`));
        await ask(session.makeDirectory('/'));
        expect(text((await ask(session.read(`${base}/a`)))?.data)).toBe('kept');
        expect((await ask(session.read(`${base}/a`)))?.version).toBe(node.version);
      });

      it('may be asked of many directories under one missing parent at once', async () => {
        const { session } = await join();
        const paths = Array.from({ length: 200 }, (_, index) => `${base}/a/b/${index % 100}/c`);
        await Promise.all(paths.map((path) => ask(session.makeDirectory(path))));
        expect(await ask(session.list(`${base}/a/b`))).toHaveLength(100);
      });

      it('makes it anew when somebody has removed it', async () => {
        const { session } = await join();
        await ask(session.makeDirectory(`${base}/a/b`));
        await world.removeTree(base);
        await ask(session.makeDirectory(`${base}/a/b`));
        expect(await world.read(`${base}/a/b`)).toBeDefined();
      });
    });

    describe('create', () => {
      it('makes a node with its content, and the directories above it', async () => {
        const { session } = await join();
        const node = await ask(session.create(`${base}/a/b`, { data: bytes('héllo') }));
        expect(node).toMatchObject({ path: `${base}/a/b`, owner: undefined });
        expect(text(node.data)).toBe('héllo');
        expect(await world.read(`${base}/a/b`)).toEqual({ data: 'héllo', owner: undefined });
        const read = await ask(session.read(`${base}/a/b`));
        expect(read).toMatchObject({ path: node.path, owner: undefined, version: node.version });
        expect(text(read?.data)).toBe('héllo');
      });

      it('makes an empty node where no content is given', async () => {
        const { session } = await join();
        expect(text((await ask(session.create(`${base}/a`))).data)).toBe('');
        expect(text((await ask(session.read(`${base}/a`)))?.data)).toBe('');
      });

      it('keeps every byte', async () => {
        const { session } = await join();
        const data = Uint8Array.from({ length: 256 }, (_, index) => index);
        await ask(session.create(`${base}/a`, { data }));
        expect([...(await ask(session.read(`${base}/a`)))!.data]).toEqual([...data]);
      });

      it('keeps the content as it was, whatever becomes of the array it came in or went out by', async () => {
        const { session } = await join();
        const data = Buffer.from('before');
        await ask(session.create(`${base}/a`, { data }));
        data.fill(0);
        const read = await ask(session.read(`${base}/a`));
        expect(text(read?.data)).toBe('before');
        read!.data.fill(0);
        expect(text((await ask(session.read(`${base}/a`)))?.data)).toBe('before');
      });

      it('takes names of every script, with spaces, percents and dots inside', async () => {
        const { session } = await join();
        const names = ['con espacio', '%2F%zz', '...', '日本語', 'a.b', ":@!$&'()*+,;=?#[]", 'x'.repeat(250)];
        for (const name of names) await ask(session.create(`${base}/${name}`));
        expect([...(await ask(session.list(base)))].sort()).toEqual([...names].sort());
      });

      it('makes an ephemeral node the property of the session', async () => {
        const { session } = await join();
        const node = await ask(session.create(`${base}/mine`, { ephemeral: true, data: bytes('d') }));
        expect(node.owner).toBe(session.id);
        expect(await world.read(`${base}/mine`)).toEqual({ data: 'd', owner: session.id });
        expect(await ask(session.read(`${base}/mine`))).toMatchObject({ owner: session.id, version: node.version });
        expect(await world.read(base)).toMatchObject({ owner: undefined });
      });

      it('appends ten digits that rise', async () => {
        const { session } = await join();
        const other = await join();
        const paths: string[] = [];
        for (let round = 0; round < 6; round += 1) {
          const by = round % 2 ? other.session : session;
          paths.push((await ask(by.create(`${base}/n-`, { sequential: true, ephemeral: round % 3 === 0 }))).path);
          if (round === 3) await ask(session.remove(paths[3]!));
        }
        for (const path of paths) expect(path).toMatch(/\/n-\d{10}$/);
        expect(paths).toEqual([...paths].sort());
        expect(new Set(paths).size).toBe(6);
        expect(await world.read(paths[5]!)).toEqual({ data: '', owner: undefined });
        expect(await world.read(paths[0]!)).toMatchObject({ owner: session.id });
      });

      it('says NODE_EXISTS where there is one, of whoever, and leaves it alone', async () => {
        const [one, other] = [await join(), await join()];
        const node = await ask(one.session.create(`${base}/a`, { ephemeral: true, data: bytes('one') }));
        expect(await refusalOf(other.session.create(`${base}/a`, { data: bytes('two') }))).toBe('NODE_EXISTS');
        expect(await refusalOf(one.session.create(`${base}/a`, { data: bytes('two') }))).toBe('NODE_EXISTS');
        expect(await ask(one.session.read(`${base}/a`))).toMatchObject({ owner: node.owner, version: node.version });
        expect(await refusalOf(one.session.create('/'))).toBe('NODE_EXISTS');
      });

      it('says CONFLICT below an ephemeral node, at any depth, and leaves no trace there', async () => {
        const { probe, session } = await join();
        await ask(session.create(`${base}/mine`, { ephemeral: true }));
        expect(await refusalOf(session.create(`${base}/mine/child`))).toBe('CONFLICT');
        expect(await refusalOf(session.create(`${base}/mine/deep/child`))).toBe('CONFLICT');
        expect(await refusalOf(session.makeDirectory(`${base}/mine/deep/child`))).toBe('CONFLICT');
        expect(await ask(session.list(`${base}/mine`))).toEqual([]);
        await probe.backend.close();
        expect(await world.read(`${base}/mine`)).toBeUndefined();
      });

      it('makes many nodes of a new directory at once', async () => {
        const { session } = await join();
        const paths = Array.from({ length: 1_000 }, (_, index) => `${base}/deep/er/${index}`);
        const nodes = await Promise.all(paths.map((path) => ask(session.create(path, { ephemeral: true }))));
        expect(nodes.map((node) => node.path)).toEqual(paths);
        // They may come in one transaction, and then with one version; a later write is above all of them.
        const last = await ask(session.write(paths[0]!, bytes('later')));
        expect(nodes.every((node) => node.version < last.version)).toBe(true);
        expect(await ask(session.list(`${base}/deep/er`))).toHaveLength(1_000);
      });
    });

    describe('takeOver', () => {
      it('replaces a node by one of this session, and survives the end of the old owner', async () => {
        const [old, young] = [await join(), await join()];
        await ask(old.session.create(`${base}/a`, { ephemeral: true, data: bytes('old') }));
        const found = (await ask(young.session.read(`${base}/a`)))!;
        const taken = await ask(young.session.takeOver(found, { ephemeral: true, data: bytes('young') }));
        expect(taken).toMatchObject({ path: `${base}/a`, owner: young.session.id });
        expect(taken.version).toBeGreaterThan(found.version);
        const read = await ask(young.session.read(`${base}/a`));
        expect(read).toMatchObject({ owner: taken.owner, version: taken.version });
        expect(text(read?.data)).toBe('young');
        await old.probe.backend.close();
        expect(await world.read(`${base}/a`)).toEqual({ data: 'young', owner: young.session.id });
      });

      it('survives the expiry of the old owner, too', async () => {
        const [old, young] = [await join(), await join()];
        const node = await ask(old.session.create(`${base}/a`, { ephemeral: true }));
        await ask(young.session.takeOver(node, { ephemeral: true }));
        await world.expire(old.session);
        expect(await world.read(`${base}/a`)).toMatchObject({ owner: young.session.id });
      });

      it('can make the node persistent, or the other way round', async () => {
        const { probe, session } = await join();
        const [one, other] = [
          await ask(session.create(`${base}/one`, { ephemeral: true })),
          await ask(session.create(`${base}/other`)),
        ];
        expect((await ask(session.takeOver(one))).owner).toBeUndefined();
        expect((await ask(session.takeOver(other, { ephemeral: true }))).owner).toBe(session.id);
        await probe.backend.close();
        expect(await world.read(`${base}/one`)).toBeDefined();
        expect(await world.read(`${base}/other`)).toBeUndefined();
      });

      it('keeps the name of the node', async () => {
        const { session } = await join();
        const node = await ask(session.create(`${base}/a`));
        const taken = await ask(session.takeOver(node, { ephemeral: true, sequential: true }));
        expect(taken.path).toBe(`${base}/a`);
        expect(await ask(session.list(base))).toEqual(['a']);
      });

      it('is seen by nobody as a removal', async () => {
        const [one, other, observer] = [await join(), await join(), await join()];
        let node = await ask(one.session.create(`${base}/a`, { ephemeral: true }));
        using directory = new Recorder(observer.session.watchDirectory(base));
        using seen = new Recorder(observer.session.watchNode(`${base}/a`));
        await eventually(() => directory.values.length > 0 && seen.values.length > 0);
        for (let round = 0; round < 20; round += 1) {
          node = await ask((round % 2 ? one : other).session.takeOver(node, { ephemeral: true }));
        }
        await eventually(() => expect(seen.last?.version).toBe(node.version));
        await ask(observer.session.create(`${base}/b`));
        await eventually(() => expect(foldDirectory(directory.values).names).toEqual(['a', 'b']));
        expect([...foldDirectory(directory.values).gone]).toEqual([]);
        expect(seen.values).not.toContain(undefined);
      });

      it('says CONFLICT when the node is not any more what was read', async () => {
        const [one, other] = [await join(), await join()];
        const written = await ask(one.session.create(`${base}/written`));
        await ask(one.session.write(`${base}/written`, bytes('x')));
        expect(await refusalOf(other.session.takeOver(written, { ephemeral: true }))).toBe('CONFLICT');
        expect(await world.read(`${base}/written`)).toEqual({ data: 'x', owner: undefined });

        const removed = await ask(one.session.create(`${base}/removed`));
        await ask(one.session.remove(`${base}/removed`));
        expect(await refusalOf(other.session.takeOver(removed, { ephemeral: true }))).toBe('CONFLICT');
        expect(await world.read(`${base}/removed`)).toBeUndefined();

        const remade = await ask(one.session.create(`${base}/remade`));
        await ask(one.session.remove(`${base}/remade`));
        await ask(one.session.create(`${base}/remade`, { data: bytes('new') }));
        expect(await refusalOf(other.session.takeOver(remade, { ephemeral: true }))).toBe('CONFLICT');
        expect(await world.read(`${base}/remade`)).toEqual({ data: 'new', owner: undefined });
      });

      it('says NOT_EMPTY of a node with children, and leaves it alone', async () => {
        const { session } = await join();
        const node = await ask(session.create(`${base}/a`, { data: bytes('x') }));
        await ask(session.create(`${base}/a/child`));
        expect(await refusalOf(session.takeOver(node, { ephemeral: true }))).toBe('NOT_EMPTY');
        expect(await world.read(`${base}/a`)).toEqual({ data: 'x', owner: undefined });
      });

      it('is won by one of several who try it with the same node', async () => {
        const rivals = [await join(), await join(), await join()];
        for (let round = 0; round < 10; round += 1) {
          const node = await ask(rivals[0]!.session.create(`${base}/${round}`, { data: bytes('x') }));
          const results = await Promise.allSettled(
            rivals.map(({ session }) => ask(session.takeOver(node, { ephemeral: true }))),
          );
          const winners = rivals.filter((_, index) => results[index]?.status === 'fulfilled');
          expect(winners).toHaveLength(1);
          expect(await world.read(node.path)).toMatchObject({ owner: winners[0]!.session.id });
          for (const result of results) {
            if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CONFLICT' });
          }
        }
      });

      it('takes nodes of every size that can be created, however often', async () => {
        const [one, other] = [await join(), await join()];
        const data = new Uint8Array(200_000).fill(7);
        let node = await ask(one.session.create(`${base}/big`, { data }));
        for (let round = 0; round < 9; round += 1) {
          node = await ask((round % 2 ? one : other).session.takeOver(node, { data }));
        }
        expect((await ask(one.session.read(`${base}/big`)))?.data).toHaveLength(200_000);
      });
    });

    describe('move', () => {
      it('removes a node and makes another in the directory, and nobody who watches ever sees neither', async () => {
        const { session } = await join();
        const other = await join();
        const from = await ask(session.create(`${base}/a`, { ephemeral: true, data: bytes('x') }));
        using seen = new Recorder(other.session.watchDirectory(base));
        await eventually(() => expect(seen.values).toHaveLength(1));
        const moved = await ask(session.move(from, `${base}/b`, { ephemeral: true, data: bytes('y') }));
        expect(moved).toMatchObject({ path: `${base}/b`, owner: session.id });
        expect(await world.read(`${base}/a`)).toBeUndefined();
        expect(await ask(session.read(`${base}/b`))).toMatchObject({ owner: session.id, version: moved.version });
        expect(await world.read(`${base}/b`)).toMatchObject({ data: 'y' });
        await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['b']));
        for (const [index] of seen.values.entries()) {
          expect(foldDirectory(seen.values.slice(0, index + 1)).names, 'never neither').not.toEqual([]);
        }
        expect(await ask(session.remove(`${base}/b`, { owner: session.id }))).toBe(true);
      });

      it('changes nothing where it fails: CONFLICT for what is not as it was read, NODE_EXISTS for what is there', async () => {
        const { session } = await join();
        const from = await ask(session.create(`${base}/a`, { ephemeral: true }));
        await world.create(`${base}/b`, 'there');
        expect(await refusalOf(session.move(from, `${base}/b`))).toBe('NODE_EXISTS');
        expect(await refusalOf(session.move(from, `${base}/a`))).toBe('CONFLICT');
        expect(await refusalOf(session.move(from, `${base}/d/c`))).toBe('CONFLICT');
        await world.write(`${base}/a`, 'written');
        expect(await refusalOf(session.move(from, `${base}/c`))).toBe('CONFLICT');
        await world.remove(`${base}/a`);
        expect(await refusalOf(session.move(from, `${base}/c`))).toBe('CONFLICT');
        expect(await world.read(`${base}/b`)).toMatchObject({ data: 'there' });
        expect(await ask(session.list(base))).toEqual(['b']);
      });

      it('goes on from node to node, however fast', async () => {
        const { session } = await join();
        let node = await ask(session.create(`${base}/0`, { ephemeral: true }));
        for (let index = 1; index <= 10; index += 1) {
          node = await ask(session.move(node, `${base}/${index}`, { ephemeral: true }));
        }
        expect(await ask(session.list(base))).toEqual(['10']);
      });
    });

    describe('read and list', () => {
      it('say that there is nothing where there is nothing', async () => {
        const { session } = await join();
        expect(await ask(session.read(`${base}/none`))).toBeUndefined();
        expect(await ask(session.list(`${base}/none`))).toEqual([]);
        await world.create(`${base}/leaf`);
        expect(await ask(session.list(`${base}/leaf`))).toEqual([]);
      });

      it('see what others did', async () => {
        const { session } = await join();
        await world.create(`${base}/a`, 'one');
        await world.create(`${base}/b`);
        const first = await ask(session.read(`${base}/a`));
        expect(text(first?.data)).toBe('one');
        expect([...(await ask(session.list(base)))].sort()).toEqual(['a', 'b']);
        await world.write(`${base}/a`, 'two');
        const second = await ask(session.read(`${base}/a`));
        expect(text(second?.data)).toBe('two');
        expect(second!.version).toBeGreaterThan(first!.version);
      });

      it('know the root', async () => {
        const { session } = await join();
        await ask(session.makeDirectory(base));
        expect(await ask(session.list('/'))).toContain(base.slice(1));
        expect(await ask(session.read('/'))).toMatchObject({ path: '/', owner: undefined });
      });

      it('list names, each once and without their paths', async () => {
        const { session } = await join();
        const names = Array.from({ length: 300 }, (_, index) => `name-${index}`);
        await Promise.all(names.map((name) => ask(session.create(`${base}/${name}/below`))));
        expect([...(await ask(session.list(base)))].sort()).toEqual([...names].sort());
      });
    });

    describe('write', () => {
      it('replaces the content and raises the version every time', async () => {
        const { session } = await join();
        const versions = [(await ask(session.create(`${base}/a`, { data: bytes('0') }))).version];
        for (const content of ['1', '2', '2', '']) {
          const written = await ask(session.write(`${base}/a`, bytes(content)));
          expect(written).toMatchObject({ path: `${base}/a`, owner: undefined });
          expect(await world.read(`${base}/a`)).toMatchObject({ data: content });
          versions.push(written.version);
        }
        versions.reduce((before, version) => (expect(version).toBeGreaterThan(before), version));
        expect((await ask(session.read(`${base}/a`)))?.version).toBe(versions.at(-1));
      });

      it('leaves the owner who it is', async () => {
        const [one, other] = [await join(), await join()];
        await ask(one.session.create(`${base}/a`, { ephemeral: true }));
        expect((await ask(other.session.write(`${base}/a`, bytes('x')))).owner).toBe(one.session.id);
        await other.probe.backend.close();
        expect(await world.read(`${base}/a`)).toEqual({ data: 'x', owner: one.session.id });
      });

      it('says NO_NODE where there is none, conditional or not', async () => {
        const { session } = await join();
        expect(await refusalOf(session.write(`${base}/none`, bytes('x')))).toBe('NO_NODE');
        expect(await refusalOf(session.write(`${base}/none`, bytes('x'), { version: 1n }))).toBe('NO_NODE');
        expect(await refusalOf(session.write(`${base}/none`, bytes('x'), { owner: session.id }))).toBe('NO_NODE');
      });

      it('is carried out where the condition holds', async () => {
        const { session } = await join();
        const node = await ask(session.create(`${base}/a`, { ephemeral: true }));
        const second = await ask(session.write(`${base}/a`, bytes('2'), { version: node.version }));
        const third = await ask(session.write(`${base}/a`, bytes('3'), { owner: session.id }));
        await ask(session.write(`${base}/a`, bytes('4'), { version: third.version, owner: session.id }));
        expect(third.version).toBeGreaterThan(second.version);
        expect(await world.read(`${base}/a`)).toMatchObject({ data: '4' });
      });

      it('says CONFLICT where the condition does not hold, and changes nothing', async () => {
        const [one, other] = [await join(), await join()];
        const node = await ask(one.session.create(`${base}/a`, { ephemeral: true, data: bytes('kept') }));
        const refused = [
          { version: node.version - 1n },
          { version: node.version + 1n },
          { owner: other.session.id },
          { version: node.version, owner: other.session.id },
        ];
        for (const condition of refused) {
          expect(await refusalOf(one.session.write(`${base}/a`, bytes('x'), condition))).toBe('CONFLICT');
        }
        await world.create(`${base}/persistent`);
        expect(await refusalOf(one.session.write(`${base}/persistent`, bytes('x'), { owner: one.session.id }))).toBe(
          'CONFLICT',
        );
        expect(await ask(one.session.read(`${base}/a`))).toMatchObject({ version: node.version });
      });

      it('is won by one of several who write on the same version', async () => {
        const rivals = [await join(), await join(), await join()];
        const node = await ask(rivals[0]!.session.create(`${base}/a`));
        const results = await Promise.allSettled(
          rivals.map(({ session }) => ask(session.write(node.path, bytes(session.id), { version: node.version }))),
        );
        expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
      });
    });

    describe('remove', () => {
      it('removes a node and says whether there was one', async () => {
        const { session } = await join();
        await ask(session.create(`${base}/a`));
        expect(await ask(session.remove(`${base}/a`))).toBe(true);
        expect(await world.read(`${base}/a`)).toBeUndefined();
        expect(await ask(session.remove(`${base}/a`))).toBe(false);
        expect(await ask(session.remove(`${base}/a`, { version: 1n }))).toBe(false);
        expect(await ask(session.remove(`${base}/a`, { owner: session.id }))).toBe(false);
        expect(await ask(session.remove(`${base}/none/below`))).toBe(false);
      });

      it('says NOT_EMPTY of a node with children', async () => {
        const { session } = await join();
        const node = await ask(session.create(`${base}/a`));
        await ask(session.create(`${base}/a/b`));
        expect(await refusalOf(session.remove(`${base}/a`))).toBe('NOT_EMPTY');
        expect(await refusalOf(session.remove(`${base}/a`, { version: node.version }))).toBe('NOT_EMPTY');
        expect(await world.read(`${base}/a/b`)).toBeDefined();
      });

      it('never takes the root', async () => {
        const { session } = await join();
        await ask(session.create(`${base}/a`));
        expect(await refusalOf(session.remove('/'))).toBeTruthy();
        expect(await ask(session.list('/'))).toContain(base.slice(1));
      });

      it('says CONFLICT where the condition does not hold', async () => {
        const [one, other] = [await join(), await join()];
        const node = await ask(one.session.create(`${base}/a`, { ephemeral: true }));
        expect(await refusalOf(one.session.remove(`${base}/a`, { version: node.version - 1n }))).toBe('CONFLICT');
        expect(await refusalOf(one.session.remove(`${base}/a`, { owner: other.session.id }))).toBe('CONFLICT');
        const written = await ask(other.session.write(`${base}/a`, bytes('x')));
        expect(await refusalOf(one.session.remove(`${base}/a`, { version: node.version }))).toBe('CONFLICT');
        expect(await ask(one.session.remove(`${base}/a`, { version: written.version, owner: one.session.id }))).toBe(
          true,
        );
      });

      it('by an old owner, however late, does not take the node of the one who took it over', async () => {
        const [old, young] = [await join(), await join()];
        let node = await ask(old.session.create(`${base}/a`, { ephemeral: true }));
        for (let round = 0; round < 10; round += 1) {
          const before = node;
          // The removal and the take-over under way together: whichever comes first, the new node must not go.
          const [removal, taking] = await Promise.allSettled([
            ask(old.session.remove(before.path, { owner: old.session.id })),
            ask(young.session.takeOver(before, { ephemeral: true })),
          ]);
          const remaining = await world.read(before.path);
          if (taking.status === 'fulfilled') expect(remaining).toMatchObject({ owner: young.session.id });
          else expect(removal).toMatchObject({ status: 'fulfilled', value: true });
          expect(
            await refusalOf(old.session.remove(before.path, { version: before.version })).catch(() => 'absent'),
          ).toBe(remaining ? 'CONFLICT' : 'absent');
          await ask(young.session.remove(before.path));
          node = await ask(old.session.create(before.path, { ephemeral: true }));
        }
      });
    });

    it('a version rises over removal and making anew', async () => {
      const { session } = await join();
      let last = 0n;
      for (let round = 0; round < 5; round += 1) {
        for (const node of [
          await ask(session.create(`${base}/a`)),
          await ask(session.write(`${base}/a`, bytes('x'))),
        ]) {
          expect(node.version).toBeGreaterThan(last);
          last = node.version;
        }
        await ask(session.remove(`${base}/a`));
      }
    });

    describe('nodes', () => {
      it('says of every answer, and of every emission of a watch, which is the later one', async () => {
        const { session } = await join();
        const path = `${base}/a`;
        using seen = new Recorder(session.nodes.watch(path));
        await eventually(() => expect(seen.values).toHaveLength(1));
        const answers: NodeState[] = [];
        for (let round = 0; round < 5; round += 1) {
          answers.push(await ask(session.nodes.create(path, { ephemeral: true })));
          const read = await ask(session.nodes.read(path));
          answers.push(read);
          if (round % 2 === 1) answers.push(await ask(session.nodes.takeOver(read.node!, { ephemeral: true })));
          if (round === 2) await world.remove(path);
          answers.push(await ask(session.nodes.remove(path)));
          answers.push(await ask(session.nodes.read(path)));
        }
        const final = await ask(session.nodes.create(path, { ephemeral: true }));
        answers.push(final);
        await eventually(() => expect(seen.last?.node?.version).toBe(final.node!.version));
        for (const [index, answer] of answers.entries()) {
          expect(answer.position).toBeGreaterThanOrEqual(answers[index - 1]?.position ?? 0n);
        }
        // However the two ways interleave: in the order of positions, the versions rise, and the last is the node as it is.
        const heard = [...answers, ...seen.values].sort((a, b) => Number(a.position - b.position));
        let version = 0n;
        for (const { node } of heard) {
          expect(node?.version ?? version).toBeGreaterThanOrEqual(version);
          version = node?.version ?? version;
        }
        expect(heard.at(-1)?.node?.version).toBe(final.node!.version);
        const gone = await ask(session.nodes.remove(path));
        expect([gone.node, gone.position > final.position]).toEqual([undefined, true]);
      });

      it('fails as the operations of the same name do', async () => {
        const { session } = await join();
        const made = await ask(session.nodes.create(`${base}/a`));
        expect(await refusalOf(session.nodes.create(`${base}/a`))).toBe('NODE_EXISTS');
        await world.write(`${base}/a`, 'x');
        expect(await refusalOf(session.nodes.takeOver(made.node!))).toBe('CONFLICT');
        expect(await refusalOf(session.nodes.remove(`${base}/a`, { version: made.node!.version }))).toBe('CONFLICT');
      });
    });

    describe('owned', () => {
      it('lists the nodes that go with the session, those of no other and no persistent ones, or says that it cannot', async () => {
        const { session } = await join();
        const other = await join();
        const empty = await ask(
          session.owned().pipe(catchError((error: unknown) => of((error as RegistryError).code))),
        );
        if (empty === 'UNSUPPORTED') return;
        expect(empty).toEqual([]);
        await ask(session.create(`${base}/persistent`));
        await ask(other.session.create(`${base}/other`, { ephemeral: true }));
        const taken = await ask(other.session.create(`${base}/d/taken`, { ephemeral: true }));
        await ask(session.create(`${base}/gone`, { ephemeral: true }));
        await ask(session.remove(`${base}/gone`));
        await ask(session.create(`${base}/mine 中`, { ephemeral: true }));
        await ask(session.takeOver(taken, { ephemeral: true }));
        expect([...(await ask(session.owned()))].sort()).toEqual([`${base}/d/taken`, `${base}/mine 中`]);
        expect(await ask(other.session.owned())).toEqual([`${base}/other`]);
      });
    });

    describe('watchNode', () => {
      it('tells an absent node, its coming, writing, going and coming again', async () => {
        const { session } = await join();
        using seen = new Recorder(session.watchNode(`${base}/a`));
        const told = (value: string | undefined) =>
          eventually(() => {
            expect(seen.values.length).toBeGreaterThan(0);
            expect(text(seen.last?.data)).toBe(value);
          });
        await told(undefined);
        await world.create(`${base}/a`, 'created');
        await told('created');
        await world.write(`${base}/a`, 'written');
        await told('written');
        await world.remove(`${base}/a`);
        await told(undefined);
        await world.create(`${base}/a`, 'again');
        await told('again');
        await ask(session.remove(`${base}/a`));
        await told(undefined);
        await ask(session.create(`${base}/a`, { ephemeral: true }));
        await told('');
        expect(seen.last).toMatchObject({ path: `${base}/a`, owner: session.id });
        expect(seen.error).toBeUndefined();
      });

      it('tells an existing node first as it is', async () => {
        const { session } = await join();
        const node = await ask(session.create(`${base}/a`, { ephemeral: true, data: bytes('x') }));
        const first = await firstValueFrom(session.watchNode(`${base}/a`));
        expect(first).toMatchObject({ path: node.path, owner: session.id, version: node.version });
        expect(text(first?.data)).toBe('x');
      });

      it.each(['stands', 'was written to', 'has gone', 'has gone and come back', 'goes later'])(
        'tells a node that is known as it is, where it %s',
        async (what) => {
          const { session } = await join();
          const made = await Promise.all(
            ['a', 'b', 'c'].map((name) =>
              ask(session.create(`${base}/${name}`, { ephemeral: true, data: bytes('x') })),
            ),
          );
          const known = made[1]!;
          if (what === 'was written to') await world.write(known.path, 'y');
          if (what.startsWith('has gone')) await world.remove(known.path);
          if (what.endsWith('come back')) await world.create(known.path, 'z');
          const watches = made.map((node) => new Recorder(session.watchNode(node.path, node)));
          const [before, seen, after] = watches as [(typeof watches)[0], (typeof watches)[0], (typeof watches)[0]];
          await eventually(() => watches.every(({ values }) => values.length > 0));
          if (what === 'goes later') {
            expect(seen.values).toHaveLength(1);
            await world.remove(known.path);
          }
          const expected = { stands: 'x', 'was written to': 'y', 'has gone and come back': 'z' }[what];
          await eventually(() => expect(text(seen.last?.data)).toBe(expected));
          if (what === 'stands') {
            expect(seen.last).toMatchObject({ path: known.path, owner: session.id, version: known.version });
            await world.write(known.path, 'later');
            await eventually(() => expect(text(seen.last?.data)).toBe('later'));
          }
          for (const { values } of [before, after]) expect(values.map((node) => text(node?.data))).toEqual(['x']);
          for (const watch of watches) watch.stop();
        },
      );

      it('is released on the server also where the node was known, and where it is left before it is set', async () => {
        const { session } = await join();
        const before = await settled(() => world.watches());
        const made = await Promise.all(
          ['a', 'b'].map((name) => ask(session.create(`${base}/${name}`, { ephemeral: true }))),
        );
        const [watch, left] = made.map((node) => new Recorder(session.watchNode(node.path, node))) as [
          Recorder<unknown>,
          Recorder<unknown>,
        ];
        left.stop();
        await eventually(() => watch.values.length === 1);
        watch.stop();
        await eventually(async () => expect(await world.watches()).toBe(before));
      });

      it('ends at the last of many changes', async () => {
        const { session } = await join();
        await world.create(`${base}/a`);
        using seen = new Recorder(session.watchNode(`${base}/a`));
        for (let change = 1; change <= 300; change += 1) void world.write(`${base}/a`, `${change}`);
        await eventually(() => expect(text(seen.last?.data)).toBe('300'));
        const versions = seen.values.map((node) => node!.version);
        expect(versions).toEqual([...versions].sort((one, other) => Number(one - other)));
      });

      it('is not moved by children or neighbours', async () => {
        const { session } = await join();
        await world.create(`${base}/a`, 'x');
        using seen = new Recorder(session.watchNode(`${base}/a`));
        await eventually(() => seen.values.length === 1);
        await world.create(`${base}/a/child`);
        await world.create(`${base}/aa`);
        await world.write(`${base}/a`, 'y');
        await eventually(() => expect(text(seen.last?.data)).toBe('y'));
        expect(seen.values).toHaveLength(2);
      });

      it('is for each its own: one who leaves takes nothing from the other', async () => {
        const { session } = await join();
        const leaving = new Recorder(session.watchNode(`${base}/a`));
        using staying = new Recorder(session.watchNode(`${base}/a`));
        await eventually(() => leaving.values.length === 1 && staying.values.length === 1);
        leaving.stop();
        await world.create(`${base}/a`, 'x');
        await eventually(() => expect(text(staying.last?.data)).toBe('x'));
        expect(leaving.values).toHaveLength(1);
      });

      it('is released on the server by unsubscribing', async () => {
        const { session } = await join();
        const before = await settled(() => world.watches());
        await world.create(`${base}/there`);
        const watches = ['there', 'absent'].map((name) => new Recorder(session.watchNode(`${base}/${name}`)));
        await eventually(() => watches.every((watch) => watch.values.length === 1));
        expect(await world.watches()).toBeGreaterThan(before);
        for (const watch of watches) watch.stop();
        await eventually(async () => expect(await world.watches()).toBe(before));
      });
    });

    describe('watchDirectory', () => {
      it('tells the children there are first, and then what comes and goes', async () => {
        const { session } = await join();
        await world.create(`${base}/a`);
        await world.create(`${base}/b`);
        using seen = new Recorder(session.watchDirectory(base));
        const told = (...names: string[]) =>
          eventually(() => {
            expect(seen.values.length).toBeGreaterThan(0);
            expect(foldDirectory(seen.values).names).toEqual(names);
          });
        await told('a', 'b');
        expect(seen.values).toHaveLength(1);
        await world.create(`${base}/c`);
        await told('a', 'b', 'c');
        await world.remove(`${base}/a`);
        await told('b', 'c');
        const mine = await ask(session.create(`${base}/d`, { ephemeral: true }));
        await told('b', 'c', 'd');
        await ask(session.remove(mine.path, { owner: session.id }));
        await told('b', 'c');
      });

      it('tells an absent directory as empty, and its coming, going and coming again', async () => {
        const { session } = await join();
        using seen = new Recorder(session.watchDirectory(`${base}/dir`));
        const told = (...names: string[]) =>
          eventually(() => {
            expect(seen.values.length).toBeGreaterThan(0);
            expect(foldDirectory(seen.values).names).toEqual(names);
          });
        await told();
        await world.create(`${base}/dir`);
        await world.create(`${base}/dir/a`);
        await told('a');
        await world.removeTree(base);
        await told();
        await world.create(`${base}/dir/b`);
        await told('b');
        await world.removeTree(`${base}/dir`);
        await world.create(`${base}/dir/c`);
        await world.create(`${base}/dir/d`);
        await told('c', 'd');
        expect(seen.error).toBeUndefined();
      });

      it('converges in a burst of changes', async () => {
        const [writer, observer] = [await join(), await join()];
        await ask(writer.session.makeDirectory(base));
        using seen = new Recorder(observer.session.watchDirectory(base));
        await eventually(() => seen.values.length === 1);
        const changes: Promise<unknown>[] = [];
        for (let index = 0; index < 350; index += 1) {
          changes.push(ask(writer.session.create(`${base}/${index}`, { ephemeral: true })));
          if (index >= 100 && index < 250) changes.push(ask(writer.session.remove(`${base}/${index - 100}`)));
        }
        await Promise.all(changes);
        const remaining = [...(await ask(writer.session.list(base)))].sort();
        expect(remaining).toHaveLength(200);
        await eventually(() => expect(foldDirectory(seen.values).names).toEqual(remaining));
      });

      it('tells nobody of grandchildren and of content', async () => {
        const { session } = await join();
        await world.create(`${base}/a`);
        using seen = new Recorder(session.watchDirectory(base));
        await eventually(() => seen.values.length === 1);
        await world.create(`${base}/a/grandchild`);
        await world.write(`${base}/a`, 'x');
        await world.create(`${base}/b`);
        await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['a', 'b']));
        expect(seen.values).toHaveLength(2);
      });

      it('is for each its own: one who leaves takes nothing from the other', async () => {
        const { session } = await join();
        await world.create(`${base}/a`);
        const leaving = new Recorder(session.watchDirectory(base));
        using staying = new Recorder(session.watchDirectory(base));
        await eventually(() => leaving.values.length === 1 && staying.values.length === 1);
        leaving.stop();
        await world.create(`${base}/b`);
        await eventually(() => expect(foldDirectory(staying.values).names).toEqual(['a', 'b']));
        expect(leaving.values).toHaveLength(1);
      });

      it('can be left from within, at the first value', async () => {
        const { session } = await join();
        const before = await settled(() => world.watches());
        await world.create(`${base}/a`);
        expect(await firstValueFrom(session.watchDirectory(base))).toEqual({ type: 'snapshot', names: ['a'] });
        await eventually(async () => expect(await world.watches()).toBe(before));
      });

      it('is released on the server by unsubscribing, also before the first value came', async () => {
        const { session } = await join();
        const before = await settled(() => world.watches());
        await world.create(`${base}/there/child`);
        const watches = ['there', 'absent'].map((name) => new Recorder(session.watchDirectory(`${base}/${name}`)));
        await eventually(() => watches.every((watch) => watch.values.length === 1));
        expect(await world.watches()).toBeGreaterThan(before);
        for (const watch of watches) watch.stop();
        for (const name of ['there', 'absent']) session.watchDirectory(`${base}/${name}`).subscribe().unsubscribe();
        await ask(session.list('/'));
        await eventually(async () => expect(await world.watches()).toBe(before));
      });

      it('leaves no more watches than there are watchers, however much has changed', async () => {
        const { session } = await join();
        await world.create(base);
        using seen = new Recorder(session.watchDirectory(base));
        await eventually(() => seen.values.length === 1);
        // A server may count one watch more than once.
        const one = await settled(() => world.watches());
        for (let index = 0; index < 50; index += 1) await world.create(`${base}/${index}`);
        await eventually(() => expect(foldDirectory(seen.values).names).toHaveLength(50));
        expect(await settled(() => world.watches())).toBeLessThanOrEqual(one);
      });
    });

    describeWatchDirectories(() => ({ world, base, join }));
  });
}

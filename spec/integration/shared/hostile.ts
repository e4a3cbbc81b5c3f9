import { randomBytes } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeComponent, fromNodeName, interfaceOfDirectory } from '../../../lib/dubbo/index.js';
import { hostileName, HOSTILE_TEXTS, UNREADABLE_NAMES } from '../../support/hostile/hostileNames.js';
import { Printed } from '../../support/hostile/printed.js';
import { WholeChain } from '../../support/hostile/wholeChain.js';
import { belongsTo, identityOf } from '../../support/scenario/judge.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { type Actor, type ActorOptions, Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

const SEED = 20_240_607;

/** Bytes that are no text, as an etcd key may be. */
const NO_TEXT: readonly Buffer[] = [
  Buffer.of(0xff),
  Buffer.of(0xfe),
  Buffer.concat([Buffer.from(encodeComponent('dubbo://a:1/x?y=')), Buffer.of(0xff)]),
  Buffer.concat([Buffer.from(encodeComponent('dubbo://a:1/x?y=')), Buffer.of(0xfe)]),
  Buffer.of(0xed, 0xa0, 0x80),
  Buffer.of(0x00),
  Buffer.from('a\0b'),
];

/** What registries hold that nobody sane has written. */
export function describeHostile(kind: string, start: StartRegistryServer): void {
  describe(`isolation from a hostile registry, ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    let printed: Printed;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    beforeEach(() => (printed = new Printed()));
    afterEach(async () => {
      await stage.clear();
      printed[Symbol.dispose]();
    });
    afterAll(() => server.close());

    const GOOD = ['good-1:1', 'good-2:1', 'good-3:1'];
    const goodName = (index: number, service: string): Buffer =>
      Buffer.from(encodeComponent(`dubbo://${GOOD[index]}/${service}?interface=${service}`));

    /** Writes names into a directory; those that the server took. */
    const write = async (directory: string, names: readonly Buffer[], data?: () => Buffer): Promise<Buffer[]> => {
      const taken: Buffer[] = [];
      for (const name of names) if (await server.createBytes(directory, name, data?.())) taken.push(name);
      return taken;
    };

    const enter = async (options?: ActorOptions): Promise<Actor> => {
      const actor = await stage.connect(options);
      actor.registry.warnings.subscribe(({ message, cause }) => {
        printed.lines.push(message);
        printed.error(cause);
      });
      return actor;
    };

    /** Everything that is at hand, each once as bytes. */
    const allNames = (count: number): Buffer[] => {
      const drawn = fc.sample(hostileName, { seed: SEED, numRuns: count });
      const texts = [...UNREADABLE_NAMES.map(([, name]) => name), ...drawn].map((text) => Buffer.from(text));
      return [...new Map([...texts, ...NO_TEXT].map((name) => [name.toString('hex'), name])).values()];
    };

    it('names of every kind go through the whole chain, and good nodes beside them are delivered once', async () => {
      const service = 'hostile.Names';
      const directory = `/dubbo/${service}/providers`;
      await server.create(directory);
      const names = allNames(300);
      await write(directory, [goodName(0, service)]);
      const taken = await write(directory, names.slice(0, 200), () => randomBytes(1_000));
      const actor = await enter();
      const chain = new WholeChain(actor.registry, {
        ...{ interface: service, group: '*', version: '*', category: '*', enabled: '*' },
      });
      await eventually(() => expect(chain.record.addresses).toContain(GOOD[0]));
      // The rest comes while it is watched.
      await write(directory, [goodName(1, service)]);
      taken.push(...(await write(directory, names.slice(200))));
      const states = actor.states.trace.length;
      expect(actor.states.statuses, 'nothing of that costs the connection').toEqual(['connecting', 'connected']);
      actor.proxy.dropConnections();
      await eventually(() => actor.states.trace.length >= states + 2 && actor.states.last?.status === 'connected');
      await write(directory, [goodName(2, service)]);
      await eventually(() => expect(chain.record.addresses).toEqual(expect.arrayContaining(GOOD)));
      expect(taken.length).toBeGreaterThan(100);

      const unreadable = taken.filter((name) => !isUtf8(name) || !isReadable(name.toString(), fromNodeName));
      expect(unreadable.length).toBeGreaterThan(50);
      await eventually(() =>
        expect(actor.warnings.filter(({ code }) => code === 'UNREADABLE_NODE')).toHaveLength(unreadable.length),
      );
      expect(actor.warnings.filter(({ code }) => code === 'UNREADABLE_NODE').at(-1)!.count).toBe(unreadable.length);
      for (const address of GOOD) {
        expect(chain.record.told.filter((told) => told.endsWith(` ${address}`))).toEqual([`add ${address}`]);
      }
      expect([...chain.record.flaws, ...chain.errors, chain.record.error].filter(Boolean)).toEqual([]);
      expect(await chain.choose(HOSTILE_TEXTS)).toEqual([]);
      expect((await actor.registry.lookup({ interface: service })).size).toBeGreaterThanOrEqual(GOOD.length);
      await chain.leave();
      expect(chain.iterated).toBe(chain.record.events.length);
      expect(printed.lines.length).toBeGreaterThan(unreadable.length);
      expect(printed.forged).toEqual([]);
    });

    it('nodes whose names are no text are told apart, and each is reported', async () => {
      const service = 'hostile.Bytes';
      const directory = `/dubbo/${service}/providers`;
      await server.create(directory);
      const taken = await write(directory, NO_TEXT);
      const actor = await enter();
      const view = actor.consume({ interface: service });
      await write(directory, [goodName(0, service)]);
      await eventually(() => expect(view.addresses).toEqual([GOOD[0]]));
      await eventually(() => expect(actor.warnings).toHaveLength(taken.length));
    });

    it('directories of every kind harm no query of all services, and cost neither the connection nor attempts without end', async () => {
      const service = 'hostile.Directories';
      const root = '/hostile-root';
      await server.create(`${root}/${service}/providers`);
      await write(`${root}/${service}/providers`, [goodName(0, service), goodName(1, service)]);
      const taken = await write(root, allNames(150), () => randomBytes(100_000));
      expect(taken.length).toBeGreaterThan(50);
      // Some of them are directories of services indeed, and get something that is no service.
      const proper = taken.map((name) => name.toString()).filter((name) => isReadable(name, interfaceOfDirectory));
      for (const name of proper) {
        await server.createBytes(root, Buffer.from(`${name}/providers`));
        await server.createBytes(root, Buffer.from(`${name}/providers/${HOSTILE_TEXTS[0]}`));
      }
      const actor = await enter({ parameters: `group=${root}` });
      const chain = new WholeChain(actor.registry, { interface: '*' });
      await eventually(() => expect(chain.record.addresses).toEqual(GOOD.slice(0, 2)));
      await eventually(() =>
        expect(actor.warnings.filter(({ code }) => code === 'UNREADABLE_NODE')).toHaveLength(taken.length),
      );
      await write(`${root}/${service}/providers`, [goodName(2, service)]);
      await eventually(() => expect(chain.record.addresses).toEqual(GOOD));
      expect(actor.warnings.filter(({ code }) => code === 'UNREADABLE_DIRECTORY')).toEqual([]);
      expect([...chain.record.flaws, ...chain.errors]).toEqual([]);
      expect(actor.states.statuses).toEqual(['connecting', 'connected']);
      await chain.leave();
      expect(printed.forged).toEqual([]);
    });

    it('garbage in the place of our own node, which belongs to nobody then, does not outlive us', async () => {
      const provider = await enter();
      const consumer = await enter();
      const registration = provider.register('dubbo://a:1/hostile.Replaced');
      const path = await registration.registered();
      const view = consumer.consume({ interface: 'hostile.Replaced' });
      await eventually(() => expect(view.addresses).toEqual(['a:1']));
      for (let round = 0; round < 3; round++) {
        await replace(path);
        await eventually(async () => belongsTo(server, path, await provider.connected()));
        await registration.registered();
      }
      expect(view.addresses).toEqual(['a:1']);
      registration.unsubscribe();
      await eventually(async () => (await server.node(path)) === undefined);
    });

    /** Writes over a node so that it goes with no session any more. */
    async function replace(path: string): Promise<void> {
      const at = path.lastIndexOf('/');
      const [directory, name] = [path.slice(0, at), Buffer.from(path.slice(at + 1))];
      // In etcd a write does it; elsewhere it is two steps, which are sent together.
      const removed = server.scheme === 'etcd' ? undefined : server.remove(path);
      await Promise.all([removed, server.createBytes(directory, name, randomBytes(1_000))]);
    }

    it('garbage written into our own node changes nothing: it stays ours, and nobody sees a thing', async () => {
      const provider = await enter();
      const consumer = await enter();
      const registration = provider.register('dubbo://a:1/hostile.Own');
      const path = await registration.registered();
      const view = consumer.consume({ interface: 'hostile.Own' });
      await eventually(() => expect(view.addresses).toEqual(['a:1']));
      for (const text of HOSTILE_TEXTS) await server.write(path, text.repeat(1_000));
      await server.write(path, 'x'.repeat(500_000));
      expect(await belongsTo(server, path, await provider.connected())).toBe(true);
      const identity = await identityOf(server, path);
      const states = provider.states.trace.length;
      provider.proxy.dropConnections();
      await eventually(() => provider.states.trace.length >= states + 2 && registration.status === 'registered');
      expect(await identityOf(server, path)).toBe(identity);
      expect(view.told).toEqual(['add a:1']);
      expect(registration.statuses).toEqual(['pending', 'registered', 'suspended', 'registered']);
      registration.unsubscribe();
      await eventually(() => expect(view.told).toEqual(['add a:1', 'delete a:1']));
      expect([...provider.warnings, ...consumer.warnings]).toEqual([]);
      expect(printed.forged).toEqual([]);
    });
  });
}

function isReadable(name: string, read: (name: string) => unknown): boolean {
  try {
    read(name);
    return true;
  } catch {
    return false;
  }
}

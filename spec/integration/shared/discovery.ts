import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { settled } from '../../support/scenario/settled.js';
import { Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

/** What holds for what consumers are told. */
export function describeDiscovery(kind: string, start: StartRegistryServer): void {
  describe(`discovery on ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterEach(() => stage.clear());
    afterAll(() => server.close());

    describe('a service that is not there yet', () => {
      it('is an empty set, and seen when it comes', async () => {
        const consumer = await stage.connect({ parameters: 'group=never' });
        const view = consumer.consume({ interface: 'discovery.Coming' });
        await eventually(() => expect(view.sizes).toEqual([0]));
        expect(view.told).toEqual([]);
        await put('/never/discovery.Coming/providers', 'dubbo://a:1/discovery.Coming');
        await eventually(() => expect(view.told).toEqual(['add a:1']));
        expect(view.error).toBeUndefined();
      });

      it.each(['/never2', '/never2/discovery.Stepwise', '/never2/discovery.Stepwise/providers'])(
        'is seen also when it was last seen as far as %s',
        async (path) => {
          await server.removeTree('/never2');
          await server.create(path);
          const consumer = await stage.connect({ parameters: 'group=never2' });
          const view = consumer.consume({ interface: 'discovery.Stepwise' });
          const all = consumer.consume({ interface: '*' });
          await eventually(() => expect(view.sizes).toEqual([0]));
          await put('/never2/discovery.Stepwise/providers', 'dubbo://a:1/discovery.Stepwise');
          await eventually(() => expect(view.told).toEqual(['add a:1']));
          await eventually(() => expect(all.told).toEqual(['add a:1']));
        },
      );
    });

    describe('no missed removal: a service path that is deleted and made again', () => {
      it.each(['/gone/discovery.Gone/providers', '/gone/discovery.Gone', '/gone'])(
        'is still seen: %s',
        async (root) => {
          const directory = '/gone/discovery.Gone/providers';
          const consumer = await stage.connect({ parameters: 'group=gone' });
          const view = consumer.consume({ interface: 'discovery.Gone' });
          const all = consumer.consume({ interface: '*' });
          for (const host of ['a', 'b', 'c']) {
            await put(directory, `dubbo://${host}:1/discovery.Gone`);
            await eventually(() => expect(view.addresses).toEqual([`${host}:1`]));
            await eventually(() => expect(all.addresses).toEqual([`${host}:1`]));
            await server.removeTree(root);
            await eventually(() => expect(view.addresses).toEqual([]));
            await eventually(() => expect(all.addresses).toEqual([]));
          }
          expect(view.told).toEqual(['a', 'b', 'c'].flatMap((host) => [`add ${host}:1`, `delete ${host}:1`]));
        },
      );
    });

    describe('isolation: nodes that cannot be read', () => {
      const BAD = {
        'a bad escape at its end': 'dubbo%3A%2F%2Fh%2F100%',
        'a bad escape in it': 'dubbo%3A%2F%2Fh%3A1%2Fx%3Fa%3D%zz',
        'no protocol': 'lock',
        'a space': ' ',
        'an encoded space': '%20',
        'no host': 'dubbo%3A%2F%2F',
        'only a separator': '%3A%2F%2F',
        'no such port': 'dubbo%3A%2F%2Fh%3A99999%2Fx',
        'a line break in its host': 'dubbo%3A%2F%2Fh%0A%5Bfatal%5D%3A1%2Fx',
        'an encoded NUL': 'dubbo%3A%2F%2Fh%3A1%2Fx%00',
        HTML: '<img src=x onerror=alert(1)>',
        'a name of JavaScript': '__proto__',
        'another name of JavaScript': 'constructor',
        'too long a name': `dubbo%3A%2F%2Fh%3A1%2Fx%3Fa%3D${'y'.repeat(70_000)}`,
        'an escaped escape': 'dubbo%253A%252F%252Fh%253A1%252Fx',
      };

      it('are skipped and reported once each, and those beside them are seen', async () => {
        const directory = '/dubbo/discovery.Poisoned/providers';
        await put(directory, 'dubbo://good:1/discovery.Poisoned?n=1');
        for (const name of Object.values(BAD)) await server.create(`${directory}/${name}`);
        await put(directory, 'dubbo://good:2/discovery.Poisoned?n=2');

        const consumer = await stage.connect();
        const view = consumer.consume({ interface: 'discovery.Poisoned' });
        const other = consumer.consume({ interface: 'discovery.Poisoned', version: '*' });
        await eventually(() => expect(view.addresses).toEqual(['good:1', 'good:2']));
        await eventually(() => expect(other.addresses).toEqual(['good:1', 'good:2']));
        expect(view.sizes).toEqual([2]);

        await put(directory, 'dubbo://good:3/discovery.Poisoned');
        await eventually(() => expect(view.addresses).toHaveLength(3));
        consumer.proxy.dropConnections();
        await eventually(() => consumer.states.statuses.includes('suspended'));
        await consumer.connected();
        await put(directory, 'dubbo://good:4/discovery.Poisoned');
        await eventually(() => expect(view.addresses).toHaveLength(4));

        const reported = consumer.warnings.filter(({ code }) => code === 'UNREADABLE_NODE');
        expect(reported.map(({ path }) => path).sort()).toEqual(
          Object.values(BAD)
            .map((name) => `${directory}/${name}`)
            .sort(),
        );
        expect(reported.map(({ count }) => count)).toEqual(reported.map((_, index) => index + 1));
        for (const { message } of reported) {
          expect(message.length).toBeLessThan(1_000);
          expect(message).not.toMatch(/\p{Cc}/u);
        }

        for (const name of Object.values(BAD)) await server.remove(`${directory}/${name}`);
        await server.removeTree(directory);
        await eventually(() => expect(view.addresses).toEqual([]));
      });

      it('are told from strange ones that can be read', async () => {
        const directory = '/dubbo/discovery.Strange/providers';
        const service = 'discovery.Strange';
        const names = {
          proto: `dubbo%3A%2F%2Fproto%3A1%2F${service}%3F__proto__%3Dpolluted%26constructor%3Dx%26toString%3Dy`,
          long: `dubbo%3A%2F%2Flong%3A1%2F${service}%3Fa%3D${'y'.repeat(50_000)}`,
          html: `dubbo%3A%2F%2Fhtml%3A1%2F${service}%3Fnote%3D%3Cscript%3E%22%27%3C%2Fscript%3E`,
          control: `dubbo%3A%2F%2Fcontrol%3A1%2F${service}%3Fnote%3Da%0Ab%00c%1B%5B2J`,
          invalid: `dubbo%3A%2F%2Finvalid%3A1%2F${service}%3Fnote%3D%C3%28%FF`,
          raw: `dubbo%3a%2f%2fraw%3a1%2f${service}%3fnote%3d(it's~fine*)!`,
          bare: `dubbo%3A%2F%2Fbare%3A1%2F${service}`,
        };
        for (const name of Object.values(names)) await server.create(`${directory}/${name}`);
        const consumer = await stage.connect();
        const view = consumer.consume({ interface: service });
        await eventually(() =>
          expect(view.addresses).toEqual(
            Object.keys(names)
              .map((host) => `${host}:1`)
              .sort(),
          ),
        );
        expect(consumer.warnings).toEqual([]);
        const found = (host: string) => view.services.find((each) => each.host === host);
        expect([...found('proto')!.parameters]).toEqual([
          ['__proto__', 'polluted'],
          ['constructor', 'x'],
          ['toString', 'y'],
        ]);
        expect(({} as Record<string, unknown>).polluted).toBeUndefined();
        expect(found('long')!.parameter('a')).toHaveLength(50_000);
        expect(found('html')!.parameter('note')).toBe(`<script>"'</script>`);
        expect(found('control')!.parameter('note')).toBe('a\nb\0c\x1B[2J');
        expect(found('invalid')!.parameter('note')).toBe('\uFFFD(\uFFFD');
        expect(found('raw')!.parameter('note')).toBe("(it's~fine*)!");
      });

      it('do not hide services whose neighbours have unreadable names', async () => {
        await server.create('/odd/%zz/providers');
        await server.create('/odd/config/dubbo');
        await put('/odd/discovery.Neighbour/providers', 'dubbo://a:1/discovery.Neighbour');
        const consumer = await stage.connect({ parameters: 'group=odd' });
        const view = consumer.consume({ interface: '*' });
        await eventually(() => expect(view.told).toEqual(['add a:1']));
        expect(consumer.warnings.map(({ path }) => path)).toEqual(['/odd/%zz']);
      });
    });

    describe('a subscription to all services', () => {
      it('sees them appear, change and vanish', async () => {
        const provider = await stage.connect({ parameters: 'group=all' });
        const consumer = await stage.connect({ parameters: 'group=all' });
        const view = consumer.consume('consumer://h/*?version=*&group=*');
        await eventually(() => expect(view.sizes).toEqual([0]));
        const a = provider.register('dubbo://a:1/discovery.all.A?version=1');
        await eventually(() => expect(view.told).toEqual(['add a:1']));
        const b = provider.register('tri://b:1/discovery.all.B$Inner?group=g');
        await eventually(() => expect(view.told.slice(1)).toEqual(['add b:1']));
        const c = provider.register('tri://c:1/discovery.all.B$Inner?group=g');
        await eventually(() => expect(view.told.slice(2)).toEqual(['add c:1']));
        b.unsubscribe();
        await eventually(() => expect(view.told.slice(3)).toEqual(['delete b:1']));
        a.unsubscribe();
        await eventually(() => expect(view.told.slice(4)).toEqual(['delete a:1']));
        await server.removeTree('/all/discovery.all.A');
        c.unsubscribe();
        await eventually(() => expect(view.told.slice(5)).toEqual(['delete c:1']));
        await provider.register('dubbo://d:1/discovery.all.A?version=2').registered();
        await eventually(() => expect(view.told.slice(6)).toEqual(['add d:1']));
      });

      it('tells the first set complete', async () => {
        const services = Array.from({ length: 100 }, (_, index) => `discovery.many.S${index}`);
        for (const service of services) await put(`/many/${service}/providers`, `dubbo://a:1/${service}`);
        const consumer = await stage.connect({ parameters: 'group=many' });
        const view = consumer.consume({ interface: '*' });
        await eventually(() => expect(view.sizes.length).toBeGreaterThan(0));
        expect(view.sizes).toEqual([100]);
        expect(view.told).toHaveLength(100);
        expect((await consumer.registry.lookup({ interface: '*' })).size).toBe(100);
      });
    });

    describe('what a consumer asks for', () => {
      it.each([
        [{}, ['plain:1']],
        [{ version: '1.0' }, ['v1:1']],
        [{ version: '1.0,2.0' }, ['v1:1', 'v2:1']],
        [{ version: '*' }, ['plain:1', 'v1:1', 'v2:1']],
        [{ group: 'red' }, ['red:1']],
        [{ group: 'red, blue' }, ['blue:1', 'red:1']],
        [{ group: '*' }, ['blue:1', 'plain:1', 'red:1']],
        [{ group: '*', version: '*' }, ['blue:1', 'both:1', 'plain:1', 'red:1', 'v1:1', 'v2:1']],
        [{ group: 'red', version: '1.0' }, ['both:1']],
        [{ enabled: '*' }, ['off:1', 'plain:1']],
        [{ category: 'configurators' }, ['0.0.0.0']],
        [{ category: 'providers,configurators' }, ['0.0.0.0', 'plain:1']],
        [{ category: '-configurators' }, ['10.0.0.9', 'plain:1']],
        [{ category: '*' }, ['0.0.0.0', '10.0.0.9', 'plain:1']],
      ])('%j', async (query, addresses) => {
        const service = 'discovery.Asked';
        const provider = await stage.connect();
        const consumer = await stage.connect();
        // One consumer is there before all providers, one comes after them.
        const early = consumer.consume({ interface: service, ...query });
        await eventually(() => expect(early.sizes.length).toBeGreaterThan(0));
        const registrations = [
          `dubbo://plain:1/${service}`,
          `dubbo://v1:1/${service}?version=1.0`,
          `dubbo://v2:1/${service}?version=2.0`,
          `dubbo://red:1/${service}?group=red`,
          `dubbo://blue:1/${service}?group=blue`,
          `dubbo://both:1/${service}?group=red&version=1.0`,
          `dubbo://off:1/${service}?enabled=false`,
          `override://0.0.0.0/${service}?weight=7`,
          `consumer://10.0.0.9/${service}`,
        ].map((url) => provider.register(url));
        await Promise.all(registrations.map((each) => each.registered()));
        await eventually(() => expect(early.addresses).toEqual(addresses));
        const late = (await consumer.registry.lookup({ interface: service, ...query })).toArray();
        expect(late.map(({ address }) => address).sort()).toEqual(addresses);
        expect(early.told.sort()).toEqual(addresses.map((address) => `add ${address}`).sort());
      });
    });

    describe('legal events: an instance', () => {
      it('is updated once where its node is replaced by another, in two steps', async () => {
        const directory = '/dubbo/discovery.Weight/providers';
        const consumer = await stage.connect();
        const view = consumer.consume({ interface: 'discovery.Weight' });
        let old = await put(directory, 'dubbo://a:1/discovery.Weight?timestamp=1700000000000&weight=1');
        await eventually(() => expect(view.told).toEqual(['add a:1']));
        for (let weight = 2; weight <= 5; weight++) {
          const url = `dubbo://a:1/discovery.Weight?timestamp=170000000000${weight}&weight=${weight}`;
          const next = await put(directory, url);
          await eventually(() => expect(view.services[0]?.parameter('weight')).toBe(String(weight)));
          await server.remove(old);
          old = next;
        }
        await put(directory, 'dubbo://b:1/discovery.Weight');
        await eventually(() => expect(view.addresses).toHaveLength(2));
        expect(view.told).toEqual(['add a:1', ...Array<string>(4).fill('update a:1'), 'add b:1']);
      });

      it('is one however many nodes say so, and present while any of them is', async () => {
        const directory = '/dubbo/discovery.Twins/providers';
        const consumer = await stage.connect();
        const view = consumer.consume({ interface: 'discovery.Twins' });
        const nodes = [];
        for (const pid of [1, 2, 3]) {
          nodes.push(await put(directory, `dubbo://a:1/discovery.Twins?pid=${pid}&timestamp=170000000000${pid}`));
        }
        await eventually(() => expect(view.told).toEqual(['add a:1']));
        await put(directory, 'dubbo://b:1/discovery.Twins');
        await eventually(() => expect(view.told.slice(1)).toEqual(['add b:1']));
        await server.remove(nodes[0]!);
        await server.remove(nodes[2]!);
        await put(directory, 'dubbo://c:1/discovery.Twins');
        await eventually(() => expect(view.told.slice(2)).toEqual(['add c:1']));
        await server.remove(nodes[1]!);
        await eventually(() => expect(view.told.slice(3)).toEqual(['delete a:1']));
      });
    });

    describe('bounded load: subscribers to one service', () => {
      it('share one watch, which goes with the last of them', async () => {
        const directory = '/dubbo/discovery.Shared/providers';
        await put(directory, 'dubbo://a:1/discovery.Shared');
        const consumer = await stage.connect();
        const before = await settled(() => server.watches());
        const views = [consumer.consume({ interface: 'discovery.Shared' })];
        await eventually(() => expect(views[0]!.addresses).toEqual(['a:1']));
        const withOne = await server.watches();
        expect(withOne).toBeGreaterThan(before);
        for (let more = 0; more < 50; more++) {
          const late = consumer.consume(
            more % 2 ? { interface: 'discovery.Shared', group: '*' } : { interface: 'discovery.Shared' },
          );
          // At once: nobody has to be asked.
          if (more >= 2) expect(late.told).toEqual(['add a:1']);
          await eventually(() => expect(late.told).toEqual(['add a:1']));
          views.push(late);
        }
        expect(await server.watches()).toBe(withOne);
        for (const view of views.slice(1)) view.unsubscribe();
        await put(directory, 'dubbo://b:1/discovery.Shared');
        await eventually(() => expect(views[0]!.told).toEqual(['add a:1', 'add b:1']));
        // A watch that fires once is set again after it has told of the change.
        await eventually(async () => expect(await server.watches()).toBe(withOne));
        views[0]!.unsubscribe();
        await eventually(async () => expect(await server.watches()).toBe(before));
      });
    });

    describe('convergence, no missed removal, legal events', () => {
      it('hold through a storm of changes with a connection that breaks all the time', async () => {
        const directory = '/dubbo/discovery.Storm/providers';
        const consumer = await stage.connect();
        const view = consumer.consume({ interface: 'discovery.Storm' });
        const all = consumer.consume({ interface: '*' });
        await server.create(directory);
        let storming = true;
        const storm = (async () => {
          const paths = new Map<number, string>();
          for (let step = 0; step < 1_500; step++) {
            const index = (step * 7919) % 40;
            const path = paths.get(index);
            if (path) await server.remove(path);
            if (path) paths.delete(index);
            else paths.set(index, await put(directory, `dubbo://h${index}:1/discovery.Storm?weight=${step}`));
          }
          storming = false;
        })();
        const breaks = (async () => {
          while (storming) {
            consumer.proxy.dropConnections();
            await sleep(150);
          }
        })();
        await Promise.all([storm, breaks]);
        const left = (await server.names(directory)).map((name) =>
          decodeURIComponent(name).replace(/^.*\/\/(.*?)\/.*$/, '$1'),
        );
        expect(left.length).toBeGreaterThan(0);
        await eventually(() => expect(view.addresses).toEqual(left.sort()));
        await eventually(() => expect(all.addresses).toEqual(expect.arrayContaining(left)));
        expect(consumer.proxy.accepted).toBeGreaterThan(1);
      });
    });

    /** Writes a URL as a plain node of its own; returns the path. */
    async function put(directory: string, url: string): Promise<string> {
      const path = `${directory}/${encodeURIComponent(url)}`;
      await server.create(path);
      return path;
    }
  });
}

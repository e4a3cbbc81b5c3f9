import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry, type Registry, type RegistryOptions, ServiceUrl } from '../../../lib/index.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { GO_METADATA, GO_ON_ETCD, GO_REMOTE, JAVA_METADATA, JAVA_REMOTE } from '../../applications/formats/wire.js';

/** What holds at the level of applications of Dubbo 3. */
export function describeApplications(kind: string, start: StartRegistryServer): void {
  describe(`applications on ${kind}`, () => {
    let server: RegistryServer;
    const registries: Registry[] = [];
    const connect = (options: RegistryOptions = {}): Registry => {
      const registry = createRegistry(server.backend(server.address, { sessionTimeoutMs: 10_000 }), options);
      registries.push(registry);
      return registry;
    };
    const url = (service: string, parameters: Record<string, string> = {}, port = 50051): ServiceUrl =>
      ServiceUrl.from({
        protocol: 'tri',
        host: '10.0.0.5',
        port,
        path: service,
        parameters: { application: 'shop', ...parameters },
      });
    const contentOf = async (path: string): Promise<string | undefined> => (await server.node(path))?.data.toString();
    const follow = (registry: Registry, service: string): string[] => {
      const told: string[] = [];
      registry
        .subscribe({ interface: service, group: '*', version: '*' })
        .subscribe(({ type, service: { address, parameters } }) =>
          told.push(`${type} ${address} ${parameters.get('weight') ?? ''}`),
        );
      return told;
    };

    beforeAll(async () => {
      server = await start();
    });
    afterEach(async () => {
      await Promise.all(registries.splice(0).map((registry) => registry.close()));
      await server.removeTree('/services');
      await server.removeTree('/dubbo');
    });
    afterAll(() => server.close());

    it('a provider is registered at both levels, and taken back from both', async () => {
      const provision = await connect().provide(url('apps.Both', { weight: '7' }));
      const instance = await server.node('/services/shop/10.0.0.5:50051');
      expect(instance?.owner).toBeDefined();
      expect(await contentOf('/dubbo/mapping/apps.Both')).toBe('shop');
      const [revision] = await server.names('/dubbo/metadata/shop');
      expect(instance?.data.toString()).toContain(revision);
      expect(await contentOf(`/dubbo/shop/${revision}`)).toBe(await contentOf(`/dubbo/metadata/shop/${revision}`));
      expect(await server.names('/dubbo/apps.Both/providers')).toHaveLength(1);
      await provision.release();
      expect(await server.node('/services/shop/10.0.0.5:50051')).toBeUndefined();
      expect(await server.names('/dubbo/apps.Both/providers')).toEqual([]);
    });

    it('a hundred services are one instance, and a consumer of each finds it', async () => {
      const provider = connect({ registerMode: 'instance' });
      const services = Array.from({ length: 100 }, (_, index) => `apps.Many${index}`);
      await Promise.all(services.map((service) => provider.provide(url(service))));
      expect(await server.names('/services/shop')).toEqual(['10.0.0.5:50051']);
      const consumer = connect();
      const found = await Promise.all(services.map((service) => consumer.lookup({ interface: service })));
      expect(found.map(({ size }) => size)).toEqual(services.map(() => 1));
    });

    it('a consumer is told of instances as they come, change in place, and go', async () => {
      const told = follow(connect(), 'apps.Change');
      const provider = connect({ registerMode: 'instance' });
      const first = await provider.provide(url('apps.Change', { weight: '1' }));
      await eventually(() => expect(told).toEqual(['add 10.0.0.5:50051 1']));
      const made = (await server.node('/services/shop/10.0.0.5:50051'))!.made;
      const other = await provider.provide(url('apps.Other'));
      await other.release();
      await first.release();
      await eventually(() => expect(told).toEqual(['add 10.0.0.5:50051 1', 'delete 10.0.0.5:50051 1']));
      expect(made).toBeDefined();
    });

    it('one who is at both levels is told once', async () => {
      const told = follow(connect(), 'apps.Once');
      const provider = connect();
      const provision = await provider.provide(url('apps.Once'));
      // A later one tells that there was nothing more to be told of the first.
      await provider.provide(url('apps.Once', {}, 2));
      await eventually(() => expect(told).toContain('add 10.0.0.5:2 '));
      await provision.release();
      await eventually(() => expect(told).toContain('delete 10.0.0.5:50051 '));
      expect(told).toHaveLength(3);
    });

    it('what somebody removes is there again', async () => {
      await connect().provide(url('apps.Restored'));
      const [revision] = await server.names('/dubbo/metadata/shop');
      for (const path of [
        '/services/shop/10.0.0.5:50051',
        '/dubbo/mapping/apps.Restored',
        `/dubbo/metadata/shop/${revision}`,
        `/dubbo/shop/${revision}`,
      ]) {
        const before = await contentOf(path);
        await server.remove(path);
        await eventually(async () => expect(await contentOf(path)).toBe(before));
      }
    });

    it('a session that has expired is followed by everything anew', async () => {
      const provider = connect();
      await provider.provide(url('apps.Expired'));
      const before = (await server.node('/services/shop/10.0.0.5:50051'))!.owner;
      await new Promise<void>((resolve, reject) => {
        provider.states.subscribe((state) => {
          if (state.status === 'connected' && server.ownersOf(state.session).includes(before!)) {
            server.expire(state.session).then(resolve, reject);
          }
        });
      });
      await eventually(async () => {
        const node = await server.node('/services/shop/10.0.0.5:50051');
        expect(node).toBeDefined();
        expect(node!.owner).not.toBe(before);
      });
    });

    it('many applications write one mapping at once, and none is lost', async () => {
      const names = Array.from({ length: 5 }, (_, index) => `app${index}`);
      await Promise.all(
        names.map((application, port) => connect().provide(url('apps.Mapped', { application }, port + 1))),
      );
      expect((await contentOf('/dubbo/mapping/apps.Mapped'))!.split(',').sort()).toEqual(names);
    });

    it('what Java and dubbo-go wrote is read', async () => {
      const isEtcd = server.scheme === 'etcd';
      await server.create('/services/shop/jhost:22144', JAVA_REMOTE);
      await server.create('/dubbo/metadata/shop/5a8a552f69b401b63b0250d37c2570ec', JAVA_METADATA);
      await server.create('/dubbo/mapping/probe.EchoService', 'shop');
      await server.create('/services/greeter-app/127.0.0.1:26142', isEtcd ? GO_ON_ETCD : GO_REMOTE);
      if (!isEtcd) await server.create(`/dubbo/greeter-app/${'f3faeba0'.repeat(16)}`, GO_METADATA);
      await server.create('/dubbo/mapping/com.acme.Greeter', 'nobody,greeter-app');
      const consumer = connect();
      const java = await consumer.lookup({ interface: 'probe.EchoService', group: 'g1', version: '1.0.0' });
      expect([...java].map(({ address }) => address)).toEqual(['jhost:22144']);
      const go = await consumer.lookup({ interface: 'com.acme.Greeter', group: 'g1', version: '1.0.0' });
      expect([...go].map(({ address }) => address)).toEqual(['127.0.0.1:26142']);
      const all = await consumer.lookup({ interface: '*', group: '*', version: '*' });
      expect([...all].map(({ address }) => address).sort()).toEqual(['127.0.0.1:26142', 'jhost:22144']);
    });
  });
}

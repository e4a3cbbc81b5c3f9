import { Subscription, tap } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { applyOverrides, governanceKey } from '../../../lib/config/index.js';
import { createConfigCenter, type InstanceSet, type ServiceUrl } from '../../../lib/index.js';
import { balance, type Picker, smoothWeightedRoundRobin } from '../../../lib/operators/index.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { type Actor, Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';
import { IN_ORDER } from '../../support/inOrder.js';

const HOSTS = ['a', 'b', 'c'];

/** What rules for instances do to a balancer that is running. */
export function describeOverrides(kind: string, start: StartRegistryServer): void {
  describe(`override rules on ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterEach(async () => {
      server.thaw();
      await server.start();
      await stage.clear();
    });
    afterAll(() => server.close());

    it('a rule that another session publishes changes the picks within one change, and its removal restores them', async () => {
      const { service, pipeline } = await running('rules.Published');
      const admin = createConfigCenter((await stage.connect()).registry);
      const key = governanceKey('configurators', service);
      const before = pipeline.instances;

      await admin.publish(key, rule(service.interface, 'addresses: ["a:1"]', 'weight: 400'));
      await eventually(() => expect(pipeline.split()).toEqual([200, 50, 50]));
      expect(pipeline.told).toBe(2);

      await admin.publish(key, rule(service.interface, 'addresses: ["a:1"]', 'disabled: true'));
      await eventually(() => expect(pipeline.split()).toEqual([0, 150, 150]));
      expect(pipeline.told).toBe(3);

      await admin.publish(key, 'configs: [what');
      await eventually(() => expect(pipeline.reports).toEqual([expect.stringContaining('it is not YAML')]));
      expect(pipeline.split()).toEqual([0, 150, 150]);

      await admin.remove(key);
      await eventually(() => expect(pipeline.split()).toEqual([100, 100, 100]));
      expect(pipeline.told).toBe(4);
      // The very objects that there were before.
      for (const [address, instance] of before) expect(pipeline.instances.get(address)).toBe(instance);
    });

    it('a rule stays in force through an outage, and what became of it meanwhile is told after it', async () => {
      const { service, pipeline, consumer } = await running('rules.Outage');
      const admin = createConfigCenter((await stage.connect()).registry);
      const key = governanceKey('configurators', service);
      await admin.publish(key, rule(service.interface, 'addresses: ["a:1"]', 'weight: 400'));
      await eventually(() => expect(pipeline.split()).toEqual([200, 50, 50]));

      await server.kill();
      await eventually(() => consumer.states.last?.status === 'suspended');
      expect(pipeline.split()).toEqual([200, 50, 50]);
      await server.start();
      await consumer.connected();
      // What there was to say about the outage would have been said before this.
      await admin.publish(key, rule(service.interface, 'addresses: ["b:1"]', 'weight: 400'));
      await eventually(() => expect(pipeline.split()).toEqual([50, 200, 50]));
      expect(pipeline.told).toBe(3);

      consumer.proxy.cut();
      await eventually(() => consumer.states.last?.status === 'suspended');
      await admin.remove(key);
      expect(pipeline.split()).toEqual([50, 200, 50]);
      consumer.proxy.heal();
      await eventually(() => expect(pipeline.split()).toEqual([100, 100, 100]));
      expect(pipeline.told).toBe(4);
      expect(pipeline.reports).toEqual([]);
    });

    it('a rule outlives the session of who looks at it', async () => {
      const { service, pipeline, consumer } = await running('rules.Session');
      const admin = createConfigCenter((await stage.connect()).registry);
      const key = governanceKey('configurators', service);
      await admin.publish(key, rule(service.interface, 'addresses: ["a:1"]', 'weight: 400'));
      await eventually(() => expect(pipeline.split()).toEqual([200, 50, 50]));
      await server.expire(await consumer.connected());
      await eventually(() => consumer.states.statuses.includes('lost'));
      await consumer.connected();
      await admin.publish(key, rule(service.interface, 'addresses: ["b:1"]', 'weight: 400'));
      await eventually(() => expect(pipeline.split()).toEqual([50, 200, 50]));
      expect(pipeline.told).toBe(3);
    });

    it('documents and nodes that Java wrote do likewise', async () => {
      const { service, pipeline } = await running('rules.Java');
      const document = `/dubbo/config/dubbo/${service.interface}:1.0:.configurators`;
      // As the admin console has SnakeYAML write it.
      const yaml = [
        'configVersion: v2.7',
        'configs:',
        '- addresses: ["a:1"]',
        '  applications: null',
        '  enabled: true',
        '  parameters: {weight: 400}',
        '  providerAddresses: null',
        '  services: null',
        '  side: provider',
        '  type: weight',
        'enabled: false',
        `key: ${service.interface}`,
        'scope: service',
        '',
      ].join('\n');
      await server.create(document, yaml);
      await eventually(() => expect(pipeline.split()).toEqual([200, 50, 50]));
      await server.remove(document);
      await eventually(() => expect(pipeline.split()).toEqual([100, 100, 100]));

      const node =
        `/dubbo/${service.interface}/configurators/override%3A%2F%2Fb%3A1%2F${service.interface}%3Fcategory%3Dconfigurators` +
        '%26dynamic%3Dfalse%26enabled%3Dtrue%26version%3D1.0%26weight%3D400';
      await server.create(node, '10.0.0.7');
      await eventually(() => expect(pipeline.split()).toEqual([50, 200, 50]));
      await server.remove(node);
      await eventually(() => expect(pipeline.split()).toEqual([100, 100, 100]));
      expect(pipeline.told).toBe(5);
      expect(pipeline.reports).toEqual([]);
    });

    it('one session does for instances and rules, and their watches go with the pipeline', async () => {
      const { pipeline, consumer } = await running('rules.Watches');
      expect(consumer.proxy.connections).toBe(1);
      const held = await server.watches();
      pipeline.stop();
      await eventually(async () => expect(await server.watches()).toBeLessThan(held));
    });

    /** Three providers, and a consumer whose balancer is running. */
    async function running(name: string) {
      const service = { interface: name, version: '1.0' };
      const provider = await stage.connect();
      await Promise.all(HOSTS.map((host) => provider.register(`dubbo://${host}:1/${name}?version=1.0`).registered()));
      const consumer = await stage.connect();
      const pipeline = new Pipeline(consumer, service);
      await eventually(() => expect(pipeline.split()).toEqual([100, 100, 100]));
      expect(pipeline.told).toBe(1);
      return { service, consumer, pipeline };
    }
  });
}

/** What a consumer of a service does for as long as it runs. */
class Pipeline {
  /** How many sets the rules have made. */
  told = 0;
  readonly reports: string[] = [];
  instances: ReadonlyMap<string, ServiceUrl> = new Map();
  #picker: Picker | undefined;
  readonly #subscription = new Subscription();

  constructor({ registry }: Actor, service: { readonly interface: string; readonly version: string }) {
    const config = createConfigCenter(registry);
    const take = (set: InstanceSet): void => {
      this.told += 1;
      this.instances = new Map([...set].map((instance) => [instance.address, instance]));
    };
    this.#subscription.add(
      registry
        .instances(service)
        .pipe(
          applyOverrides(config, {
            application: 'shop',
            overrides: registry.instances({ ...service, category: 'configurators' }),
            onInvalid: ({ message }) => this.reports.push(message),
            // A server under load is no reason to tell the set without its rules first.
            waitMs: 15_000,
          }),
          tap(take),
          balance(smoothWeightedRoundRobin(IN_ORDER)),
        )
        .subscribe((picker) => (this.#picker = picker)),
    );
  }

  /** How many of the next 300 calls go to each host. */
  split(): number[] {
    const picks = Array.from({ length: 300 }, () => this.#picker?.pick()?.host);
    return HOSTS.map((host) => picks.filter((pick) => pick === host).length);
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }
}

function rule(key: string, addresses: string, parameters: string): string {
  return `{configVersion: v2.7, scope: service, key: ${key}, configs: [{side: provider, ${addresses}, parameters: {${parameters}}}]}`;
}

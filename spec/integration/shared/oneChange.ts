import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { type Actor, Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

const FEW = 10;
const MANY = 2_000;
const CHANGES = 40;

/** What one change costs, in what cannot be counted wrong on a busy machine: bytes. */
export function describeOneChange(kind: string, start: StartRegistryServer): void {
  describe(`one change on ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterAll(async () => {
      await stage.clear();
      await server.close();
    });

    it(`bounded load: costs its watcher the same among ${FEW} and among ${MANY} providers`, async () => {
      const provider = await stage.connect({ sessionMs: 30_000 });
      const [few, many] = [await bytesForChanges(provider, FEW), await bytesForChanges(provider, MANY)];
      expect(many).toBeLessThan(few * 1.5);
      // To read it again would cost more than a hundred bytes for each of them, every time.
      expect(many).toBeLessThan(MANY * 100);
    });

    async function bytesForChanges(provider: Actor, count: number): Promise<number> {
      const service = `one.Among${count}`;
      const standing = Array.from({ length: count }, (_, index) => provider.register(`dubbo://h${index}:1/${service}`));
      await eventually(() => standing.every(({ status }) => status === 'registered'), { withinMs: 30_000 });
      const consumer = await stage.connect({ sessionMs: 30_000 });
      const view = consumer.consume({ interface: service });
      await eventually(() => expect(view.services).toHaveLength(count), { withinMs: 30_000 });
      const knows = (address: string) => view.services.some((each) => each.address === address);
      const { toClient: before } = consumer.proxy.bytes();
      for (let change = 0; change < CHANGES / 2; change += 1) {
        const changing = provider.register(`dubbo://x${change}:1/${service}`);
        await eventually(() => knows(`x${change}:1`));
        changing.unsubscribe();
        await eventually(() => !knows(`x${change}:1`));
      }
      return (consumer.proxy.bytes().toClient - before) / CHANGES;
    }
  });
}

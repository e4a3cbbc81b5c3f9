import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../../lib/index.js';
import type { ConsumerRecord } from '../../support/scenario/consumerRecord.js';
import type { RegistrationRecord } from '../../support/scenario/registrationRecord.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { type Actor, Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

const COUNT = 10_000;
const DEADLINE_MS = 60_000;
/** What the lib asks for by default: long enough for a busy machine to do all at once. */
const SESSION_MS = 30_000;
const SERVICE = 'scale.Service';
const DIRECTORY = `/dubbo/${SERVICE}/providers`;

/** What holds with many providers. */
export function describeScale(kind: string, start: StartRegistryServer): void {
  describe(`scale on ${kind}`, () => {
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

    describe('10,000 providers of one service', { timeout: 180_000 }, () => {
      let provider: Actor;
      let consumer: Actor;
      let view: ConsumerRecord;
      let registrations: RegistrationRecord[];

      it('are registered through one registry and seen by a consumer, each told once', async () => {
        provider = await stage.connect({ sessionMs: SESSION_MS });
        consumer = await stage.connect({ sessionMs: SESSION_MS });
        view = consumer.consume({ interface: SERVICE });
        await eventually(() => expect(view.sizes).toEqual([0]));

        await inTime('register', async () => {
          registrations = addresses().map((address) => provider.register(`dubbo://${address}/${SERVICE}?weight=100`));
          await all(registrations, 'registered');
        });
        await eventually(() => view.events.length >= COUNT, { withinMs: DEADLINE_MS });
        expect(view.addresses).toEqual(addresses().sort());
        expect(new Set(view.events.map(({ type }) => type))).toEqual(new Set(['add']));
        expect(view.events).toHaveLength(COUNT);
        await allBelongTo(await provider.connected());
        // On a busy machine an answer may be late, but never so late that the session is given up.
        expect([...provider.states.statuses, ...consumer.states.statuses]).not.toContain('lost');
      });

      it('are there in the first set of a consumer that comes late', async () => {
        const late = await stage.connect({ sessionMs: SESSION_MS });
        const seen = await inTime('first set', async () => {
          const first = late.consume({ interface: SERVICE });
          await eventually(() => first.sizes.length > 0);
          return first;
        });
        expect(seen.sizes).toEqual([COUNT]);
        // Java clients with default settings cannot read a directory of that size from ZooKeeper.
        const { largeDirectoryBytes } = server.backend(server.address);
        expect(late.warnings.map(({ code }) => code)).toEqual(largeDirectoryBytes ? ['LARGE_DIRECTORY'] : []);
        seen.unsubscribe();
        await late.registry.close();
      });

      it('no flap: stay untouched when the connections of both sides break', async () => {
        const told = view.events.length;
        const before = await server.children(DIRECTORY);
        await inTime('resume', async () => {
          const since = performance.now();
          for (const { proxy } of [provider, consumer]) proxy.dropConnections();
          // Each may be back before the other has noticed.
          await eventually(() => {
            for (const { states } of [provider, consumer]) states.firstAfter(since, 'suspended');
          });
          await all(registrations, 'registered');
          await consumer.connected();
        });
        await everythingIsTold();
        expect(view.told.slice(told)).toEqual(['add last:1', 'delete last:1']);
        // Not a child has come or gone, or was written to.
        expect(await server.children(DIRECTORY)).toEqual(before);
      });

      it('no vanish: are all back after their session has expired', async () => {
        const old = await provider.connected();
        await inTime('after expiry', async () => {
          const since = performance.now();
          await server.expire(old);
          await eventually(() => provider.states.firstAfter(since, 'lost'));
          await provider.connected();
          await all(registrations, 'registered');
        });
        const session = await provider.connected();
        expect(session.id).not.toBe(old.id);
        await allBelongTo(session);
        await everythingIsTold();
        expect(view.addresses).toEqual(addresses().sort());
      });

      it('no ghost: are all gone when they are released', async () => {
        const told = view.events.length;
        await inTime('release', async () => {
          for (const registration of registrations) registration.unsubscribe();
          await eventually(() => expect(view.services).toEqual([]), { withinMs: DEADLINE_MS });
        });
        expect(view.events.length).toBe(told + COUNT);
        expect(new Set(view.events.slice(told).map(({ type }) => type))).toEqual(new Set(['delete']));
        expect(await server.names(DIRECTORY)).toEqual([]);
      });

      function addresses(): string[] {
        return Array.from({ length: COUNT }, (_, index) => `10.0.${index >> 8}.${index & 255}:20880`);
      }

      async function all(records: readonly RegistrationRecord[], status: RegistrationRecord['status']): Promise<void> {
        await eventually(() => records.every((record) => record.status === status), {
          what: `${COUNT} to be ${status}`,
          withinMs: DEADLINE_MS,
        });
      }

      /** Has one more come and go: whatever the consumer was to be told before that, it was told. */
      async function everythingIsTold(): Promise<void> {
        const knows = (address: string) => view.services.some((each) => each.address === address);
        const last = provider.register(`dubbo://last:1/${SERVICE}`);
        await eventually(() => knows('last:1'), { withinMs: DEADLINE_MS });
        last.unsubscribe();
        await eventually(() => !knows('last:1'), { withinMs: DEADLINE_MS });
      }

      /** All nodes there are, as the server holds them. */
      async function allBelongTo(session: Session): Promise<void> {
        const owners = (await server.children(DIRECTORY)).map(({ owner }) => owner);
        expect(owners).toHaveLength(COUNT);
        expect(server.ownersOf(session)).toEqual(expect.arrayContaining([...new Set(owners)]));
      }
    });
  });
}

/** Does something that may take long, but not for ever. */
async function inTime<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  expect(performance.now() - start, what).toBeLessThan(DEADLINE_MS);
  return result;
}

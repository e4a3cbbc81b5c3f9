import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { throughout } from '../../support/scenario/judge.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { Stage } from '../../support/scenario/stage.js';
import { startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { type GrpcRelay, startGrpcRelay } from './support/grpcRelay.js';

/** The session timeout. */
const T = 2_000;
/** Codes of gRPC. */
const [PERMISSION_DENIED, RESOURCE_EXHAUSTED] = [7, 8];

let server: EtcdRegistry;
let relay: GrpcRelay;
let stage: Stage;
beforeAll(async () => {
  server = new EtcdRegistry(await startEtcd());
  relay = await startGrpcRelay(server);
  stage = new Stage(server);
});
afterEach(async () => {
  relay.onCall = undefined;
  relay.onAnswer = undefined;
  relay.release();
  await alarm('DEACTIVATE');
  await stage.clear();
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await server.close();
});

/** Raises, or ends, the alarm that a server raises when its store is as large as it may be: it grants no leases, and writes nothing. */
async function alarm(action: 'ACTIVATE' | 'DEACTIVATE'): Promise<void> {
  const { header } = await server.raw.call<{ header: { member_id: string } }>('maintenance/status', {});
  await server.raw.call('maintenance/alarm', { action, memberID: header.member_id, alarm: 'NOSPACE' });
}

describe('a server that has no space left', () => {
  it('no empty push: is read by a consumer that starts meanwhile; what is registered waits, says why, and stands afterwards', async () => {
    const before = await stage.connect({ sessionMs: T });
    const own = before.register('dubbo://a:1/space.A');
    await own.registered();
    await alarm('ACTIVATE');

    const after = await stage.connect({ sessionMs: T });
    const view = after.consume({ interface: 'space.A' });
    await eventually(() => expect(view.addresses).toEqual(['a:1']));
    // The one has a lease, the other has none.
    const waiting = [before.register('dubbo://b:1/space.A'), after.register('dubbo://c:1/space.A')];
    for (const { states } of waiting) {
      await eventually(() =>
        expect(states.at(-1)).toMatchObject({
          status: 'pending',
          cause: { code: 'SERVER_ERROR', message: expect.stringContaining('database space exceeded') as string },
        }),
      );
    }
    own.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual([]));
    await throughout(T, () => expect(after.states.statuses).toEqual(['connecting', 'connected']));

    await alarm('DEACTIVATE');
    const since = performance.now();
    for (const each of waiting) await each.registered();
    // The longest wait between two attempts, and a refusal that counts for a twelfth of the session timeout.
    expect(performance.now() - since).toBeLessThan(1_500 + T / 12 + SLACK_MS);
    await eventually(() => expect(view.addresses).toEqual(['b:1', 'c:1']));
  });

  it('no missed removal: costs a provider its node when its lease ends, and lets it see on', async () => {
    const provider = await stage.connect({ sessionMs: T });
    const own = provider.register('dubbo://a:1/space.B');
    const path = await own.registered();
    const other = await stage.connect({ sessionMs: T });
    const others = other.register('dubbo://b:1/space.B');
    await others.registered();
    const view = provider.consume({ interface: 'space.B' });
    await eventually(() => expect(view.addresses).toEqual(['a:1', 'b:1']));

    await alarm('ACTIVATE');
    await server.expire(await provider.connected());
    await eventually(() => expect(provider.states.statuses).toContain('lost'));
    const lost = provider.states.trace.find(({ state }) => state.status === 'lost')?.state;
    expect(lost).toMatchObject({ confirmed: true });
    await eventually(() => expect(view.addresses).toEqual(['b:1']));
    await provider.connected();
    await eventually(() =>
      expect(own.states.at(-1)).toMatchObject({
        status: 'pending',
        cause: { message: expect.stringContaining('database space exceeded') as string },
      }),
    );
    others.unsubscribe();
    await eventually(() => expect(view.addresses).toEqual([]));

    await alarm('DEACTIVATE');
    expect(await own.registered()).toBe(path);
    await eventually(() => expect(view.addresses).toEqual(['a:1']));
  });
});

describe('a server that grants no leases', () => {
  it.each([
    ['for want of a right', { code: PERMISSION_DENIED, message: 'permission denied' }],
    ['for a quota of its own', { code: RESOURCE_EXHAUSTED, message: 'too many leases' }],
  ])('is read all the same, %s', async (_, refusal) => {
    await server.create('/dubbo/space.C/providers/dubbo%3A%2F%2Fa%3A1%2Fspace.C');
    relay.onCall = ({ method }) => (method === 'LeaseGrant' ? refusal : undefined);
    const actor = await stage.connect({ servers: relay.address, sessionMs: T });
    const view = actor.consume({ interface: 'space.C' });
    await eventually(() => expect(view.addresses).toEqual(['a:1']));
    const own = actor.register('dubbo://b:1/space.C');
    const told = (): unknown => {
      const state = own.states.at(-1);
      return own.error ?? (state && 'cause' in state ? state.cause : undefined);
    };
    await eventually(() =>
      expect(told()).toMatchObject({ message: expect.stringContaining(refusal.message) as string }),
    );
    await throughout(T, () => expect(actor.states.statuses).toEqual(['connecting', 'connected']));
    await server.removeTree('/dubbo/space.C');
    await eventually(() => expect(view.addresses).toEqual([]));
  });

  it('no flap: is read all the same by who needs none, also where it does not answer', async () => {
    await server.create('/dubbo/space.D/providers/dubbo%3A%2F%2Fa%3A1%2Fspace.D');
    relay.onAnswer = (_, { method }) => (method === 'LeaseGrant' ? 'hold' : 'pass');
    const since = performance.now();
    const actor = await stage.connect({ servers: relay.address, sessionMs: T });
    expect(performance.now() - since).toBeLessThan(T / 12 + SLACK_MS);
    const view = actor.consume({ interface: 'space.D' });
    await eventually(() => expect(view.addresses).toEqual(['a:1']));
    await throughout(2 * T, () => expect(actor.states.statuses).toEqual(['connecting', 'connected']));
    await server.removeTree('/dubbo/space.D');
    await eventually(() => expect(view.addresses).toEqual([]));
  });
});

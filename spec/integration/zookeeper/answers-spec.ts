import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { whileConnected } from '../../../lib/connection/index.js';
import {
  AN_ERROR,
  ask,
  bytes,
  foldDirectory,
  type Probe,
  Recorder,
  refusalOf,
  SOON_MS,
  text,
} from '../../contract/probe.js';
import { frame, startTamperingRelay, type TamperingRelay } from '../../contract/tamperingRelay.js';
import { Troupe } from '../../contract/troupe.js';
import { eventually } from '../../support/servers/eventually.js';
import { connectRawZooKeeper, type RawZooKeeper } from '../../support/servers/rawZooKeeper.js';
import { startZooKeeper, type ZooKeeperServer } from '../../support/servers/zookeeperServer.js';

let server: ZooKeeperServer;
let raw: RawZooKeeper;
let relay: TamperingRelay;
const troupe = new Troupe(zookeeper);
beforeAll(async () => {
  server = await startZooKeeper({ tickTimeMs: 500 });
  raw = await connectRawZooKeeper(server.port);
  relay = await startTamperingRelay(server.port);
});
afterEach(async () => {
  relay.tampering = undefined;
  await troupe.clear();
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await raw.close();
  await server.close();
});

/** Offsets in a packet, and the numbers of the packets that answer nothing. */
const XID_AT = 4;
const ERROR_AT = 16;
const NOTIFICATION = -1;

/** Turns the next answer to a request, or the next notification, into something else. */
function spoilNext(what: 'answer' | 'notification', spoil: (packet: Buffer) => Buffer): void {
  relay.tampering = (packet, isHandshake) => {
    const xid = isHandshake ? undefined : packet.readInt32BE(XID_AT);
    if (xid === undefined || (what === 'answer' ? xid < 0 : xid !== NOTIFICATION)) return packet;
    relay.tampering = undefined;
    return spoil(packet);
  };
}

async function join(): Promise<{ probe: Probe; session: Awaited<ReturnType<Probe['session']>>; accepted: number }> {
  const probe = troupe.follow(relay.address, { sessionTimeoutMs: 6_000 });
  return { probe, session: await probe.session(), accepted: relay.accepted };
}

async function resumed(probe: Probe): Promise<void> {
  await probe.reaches('suspended');
  await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
}

describe('an error code that the client does not know', () => {
  it.each([-118, -119, -121, -122, -123, -124, -125, -127, -9_999, 5])(
    '%i fails the call that it answers, and nothing else',
    async (code) => {
      const { probe, session, accepted } = await join();
      spoilNext('answer', (packet) => {
        packet.writeInt32BE(code, ERROR_AT);
        return packet.subarray();
      });
      const calls = [refusalOf(session.read('/')), ask(session.read('/')), ask(session.list('/'))] as const;
      // A session that has moved is to be looked for elsewhere; of all else the server is asked again.
      expect(await calls[0]).toBe(code === -118 ? 'CONNECTION_LOST' : 'SERVER_ERROR');
      expect(await calls[1]).toMatchObject({ path: '/' });
      expect(await calls[2]).toContain('zookeeper');
      expect(probe.statuses).toEqual(['connecting', 'connected']);
      expect(relay.accepted).toBe(accepted);
    },
  );

  it('from a real server, for a watch that fired when it was to be removed, is of no interest', async () => {
    const { proxy, probe, session } = await troupe.join(server.port);
    for (let round = 0; round < 5; round += 1) {
      const seen = new Recorder(session.watchNode('/fired'));
      await eventually(() => seen.values.length === 1);
      // The firing is under way while the watch is removed.
      proxy.blackHole('toClient');
      await (round % 2 ? raw.remove('/fired') : raw.create('/fired'));
      const { toServer } = proxy.bytes();
      seen.stop();
      await eventually(() => proxy.bytes().toServer > toServer);
      proxy.heal({ inHole: 'deliver' });
      expect(await ask(session.read('/'))).toBeDefined();
    }
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(proxy.accepted).toBe(1);
  });
});

describe('an answer that is none', () => {
  const header = (packet: Buffer): Buffer => packet.subarray(4, 20);
  const spoilers: Record<string, (packet: Buffer) => Buffer> = {
    'of random bytes': () => Buffer.from('c0ffee00deadbeefc0ffee00deadbeefc0ffee00deadbeef', 'hex'),
    'of another protocol': () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'of a negative length': () => Buffer.from([0x80, 0, 0, 0, 1, 2, 3, 4]),
    'of an absurd length': () => Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4]),
    'of a length that never comes': () => Buffer.from([0x01, 0, 0, 0, 1, 2, 3, 4]),
    'without a body': (packet) => frame(header(packet)),
    'cut short': (packet) => frame(packet.subarray(4, 24)),
    'that is empty': () => Buffer.alloc(4),
    'to a question never asked': (packet) => {
      packet.writeInt32BE(1_000_000, XID_AT);
      return packet;
    },
    'that comes twice': (packet) => Buffer.concat([packet, packet]),
  };

  it.each(Object.keys(spoilers))('%s costs the connection, and nothing else', async (name) => {
    const { probe, session } = await join();
    const node = await ask(session.create('/spoilt', { ephemeral: true }));
    spoilNext('answer', spoilers[name]!);
    const answer = await Promise.allSettled([ask(session.read('/spoilt'))]);
    await resumed(probe);
    if (name !== 'that comes twice') expect(answer).toMatchObject([{ reason: { code: 'CONNECTION_LOST' } }]);
    expect(await probe.session()).toBe(session);
    expect(await ask(session.read('/spoilt'))).toEqual(node);
  });

  it.each(['cut short', 'of random bytes'])('to a transaction, %s, costs the connection too', async (name) => {
    const { probe, session } = await join();
    const node = await ask(session.create('/spoilt-multi', { ephemeral: true }));
    const client = ask(session.takeOver(node, { ephemeral: true, data: bytes('x') }));
    const ambiguous = Promise.allSettled([client]);
    // The first answer is the reading before it.
    spoilNext('answer', (packet) => {
      spoilNext('answer', spoilers[name]!);
      return packet;
    });
    expect(await ambiguous).toMatchObject([{ reason: { code: 'CONNECTION_LOST' } }]);
    await resumed(probe);
    expect(text((await ask(session.read('/spoilt-multi')))?.data)).toBe('x');
    await ask(session.remove('/spoilt-multi'));
  });

  it('of a transaction that fails for an unknown reason, costs the connection too', async () => {
    const { probe, session } = await join();
    const node = await ask(session.create('/quota', { ephemeral: true }));
    spoilNext('answer', (packet) => {
      spoilNext('answer', (multi) => frame(Buffer.concat([header(multi), failedWith(-125)])));
      return packet;
    });
    const [outcome] = await Promise.allSettled([ask(session.takeOver(node, { ephemeral: true }))]);
    expect(outcome).toMatchObject({ status: 'rejected' });
    await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
    expect(await ask(session.read('/quota'))).toMatchObject({ owner: session.id });
  });

  /** The body of a transaction's answer: each operation's outcome is an error. */
  function failedWith(code: number): Buffer {
    const body = Buffer.alloc(13 + 9, 0xff);
    body.writeInt32BE(-1, 0);
    body.writeUInt8(0, 4);
    body.writeInt32BE(code, 5);
    body.writeInt32BE(code, 9);
    body.writeUInt8(1, 17);
    return body;
  }

  it.each(['of random bytes', 'without a body', 'cut short'])(
    'a notification %s costs the connection, and the watches find out what it was about',
    async (name) => {
      const { probe, session } = await join();
      await raw.create(`/notified-${Object.keys(spoilers).indexOf(name)}`);
      const directory = `/notified-${Object.keys(spoilers).indexOf(name)}`;
      using seen = new Recorder(probe.backend.states.pipe(whileConnected((each) => each.watchDirectory(directory))));
      await eventually(() => seen.values.length === 1);
      spoilNext('notification', spoilers[name]!);
      await raw.create(`${directory}/a`);
      await resumed(probe);
      await eventually(() => expect(foldDirectory(seen.values).names).toEqual(['a']));
      expect(await probe.session()).toBe(session);
    },
  );

  it('a handshake that is none is an attempt that failed', async () => {
    for (const name of [
      'of random bytes',
      'of another protocol',
      'of an absurd length',
      'that is empty',
      'without a body',
    ]) {
      relay.tampering = (packet, isHandshake) => (isHandshake ? spoilers[name]!(packet) : packet);
      const probe = troupe.follow(relay.address, { sessionTimeoutMs: 1_000 });
      await eventually(() => expect(probe.trace[2]).toMatchObject({ attempt: 3, cause: AN_ERROR }), {
        withinMs: SOON_MS,
      });
      relay.tampering = undefined;
      const session = await probe.session();
      expect(await ask(session.read('/'))).toBeDefined();
    }
  });
});

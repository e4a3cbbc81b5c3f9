import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import type { Session } from '../../../lib/port/index.js';
import { whileConnected } from '../../../lib/connection/index.js';
import { Probe, Recorder } from '../../contract/probe.js';
import { type FaultProxy, startFaultProxy } from '../../support/proxy/faultProxy.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import { eventually } from '../../support/servers/eventually.js';
import {
  GET_CHILDREN2,
  NO_NODE,
  type PretendRequest,
  type PretendServer,
  SET_DATA,
  startPretendServer,
} from './support/pretendServer.js';

/** The session timeout; an answer is waited for a quarter of it where nothing flows. */
const T = 3_000;
const NAMES = Array.from({ length: 2_000 }, (_, index) => `${'x'.repeat(240)}${String(index).padStart(6, '0')}`);
const DIRECTORY_BYTES = NAMES.length * 250;

let server: PretendServer;
let proxy: FaultProxy;
let probe: Probe;

afterEach(async () => {
  await probe.backend.close(200);
  probe.expectLegal();
  await proxy.close();
  await server[Symbol.asyncDispose]();
});

async function connect(): Promise<Session> {
  server = await startPretendServer({ sessionTimeoutMs: T, request: behave });
  const { port } = new URL(`tcp://${server.address}`);
  proxy = await startFaultProxy({ port: Number(port) });
  probe = new Probe(zookeeper(proxy.address, { sessionTimeoutMs: T }));
  return probe.session();
}

function behave({ opcode, answer, answerNames, answerStat }: PretendRequest): void {
  if (opcode === GET_CHILDREN2) answerNames(NAMES);
  else if (opcode === SET_DATA) answerStat();
  else answer(NO_NODE);
}

describe('a slow link', () => {
  it.each([0.5, 0.75])('brings a directory whose names take %d of the session timeout, at once', async (share) => {
    const session = await connect();
    proxy.throttle(DIRECTORY_BYTES / ((share * T) / 1_000));
    const [names, beside] = [firstValueFrom(session.list('/large')), firstValueFrom(session.read('/beside'))];
    expect(await names).toHaveLength(NAMES.length);
    expect(await beside).toBeUndefined();
    const since = performance.now();
    await eventually(() => performance.now() - since > T / 3);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(proxy.accepted).toBe(1);
    expect(proxy.bytes().toClient).toBeLessThan(1.2 * DIRECTORY_BYTES);
  });

  it('brings a directory whose names take longer than we can vouch for the session: once, and through lost', async () => {
    // It refuses to add a persistent watch: directories are read with watches that fire once.
    await connect();
    proxy.throttle(DIRECTORY_BYTES / ((1.6 * T) / 1_000));
    const follow = probe.backend.states.pipe(whileConnected((session) => session.watchDirectory('/large')));
    using seen = new Recorder(follow);
    await eventually(() => seen.values.length > 0, { withinMs: 3 * T });
    expect(seen.values[0]).toMatchObject({ type: 'snapshot', names: NAMES });
    expect(probe.statuses).toEqual(['connecting', 'connected', 'lost', 'connecting', 'connected']);
    expect(proxy.accepted).toBe(1);
    expect(proxy.bytes().toClient).toBeLessThan(1.2 * DIRECTORY_BYTES);
  });

  it('takes a write that takes longer than an answer is waited for otherwise', async () => {
    const session = await connect();
    const data = Buffer.alloc(900_000);
    // 1.2 s, where a quarter of the session timeout is 750 ms.
    proxy.throttle(data.length / 1.2);
    expect(await firstValueFrom(session.write('/large', data))).toMatchObject({ path: '/large' });
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(proxy.accepted).toBe(1);
  });

  it('takes many writes that together take longer than the session timeout, and pings between them', async () => {
    const session = await connect();
    const data = Buffer.alloc(5_000);
    proxy.throttle(200_000);
    // 1 MB: 5 s.
    const writes = Array.from({ length: 200 }, () => firstValueFrom(session.write('/one-of-many', data)));
    expect(await Promise.all(writes)).toHaveLength(200);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(proxy.accepted).toBe(1);
  });

  it('that goes silent in the middle of an answer is noticed on time', async () => {
    const session = await connect();
    proxy.throttle(DIRECTORY_BYTES / 3);
    const names = firstValueFrom(session.list('/large')).catch((error: unknown) => error);
    await eventually(() => proxy.bytes().toClient > DIRECTORY_BYTES / 4);
    const silence = performance.now();
    proxy.blackHole();
    await probe.reaches('suspended');
    expect(performance.now() - silence).toBeLessThan((T * 5) / 12 + T / 40 + SLACK_MS);
    expect(await names).toMatchObject({ code: 'CONNECTION_LOST' });
    await probe.reaches('lost');
    expect(performance.now() - silence).toBeLessThan(T + SLACK_MS);
  });

  it('on which our requests are swallowed while an answer flows is lost on time all the same', async () => {
    const session = await connect();
    // Long enough for the answer to flow all the time.
    proxy.throttle(DIRECTORY_BYTES / (2 * (T / 1_000)));
    const since = performance.now();
    firstValueFrom(session.list('/large')).catch(() => undefined);
    await eventually(() => proxy.bytes().toClient > DIRECTORY_BYTES / 20);
    proxy.blackHole('toServer');
    await probe.reaches('lost');
    expect(performance.now() - since).toBeLessThan(T + SLACK_MS);
    expect(probe.statuses).toEqual(['connecting', 'connected', 'lost', 'connecting']);
  });
});

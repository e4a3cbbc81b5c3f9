import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { InvalidOptionError } from '../../../lib/errors.js';
import type { Backend, BackendWarning } from '../../../lib/port/index.js';
import { Probe, refusalOf } from '../../contract/probe.js';
import { eventually } from '../../support/servers/eventually.js';
import {
  EXISTS,
  GET_CHILDREN2,
  headerOf,
  NO_NODE,
  type PretendRequest,
  type PretendServer,
  startPretendServer,
} from './support/pretendServer.js';

const T = 6_000;
const MAX = 1_048_576;
const MEGABYTE = Buffer.alloc(1_048_576);
const ANNOUNCED = 500_000_000;

let probes: Probe[] = [];
let server: PretendServer | undefined;

afterEach(async () => {
  await Promise.all(probes.map(({ backend }) => backend.close(200)));
  for (const probe of probes) probe.expectLegal();
  probes = [];
  await server?.[Symbol.asyncDispose]();
});

async function against(
  request: (request: PretendRequest) => void,
  handshake?: () => Buffer,
): Promise<{ probe: Probe; backend: Backend; warnings: BackendWarning[]; server: PretendServer }> {
  server = await startPretendServer({ sessionTimeoutMs: T, request, ...(handshake && { handshake }) });
  const backend = zookeeper(server.address, { sessionTimeoutMs: T, maxPacketBytes: MAX });
  const warnings: BackendWarning[] = [];
  backend.warnings!.subscribe((warning) => warnings.push(warning));
  const probe = new Probe(backend);
  probes.push(probe);
  return { probe, backend, warnings, server };
}

/** Announces a packet of 500 MB and sends so much of it, as fast as it is taken. */
function flood({ xid, socket }: PretendRequest, bytes = ANNOUNCED, onSent = (): void => undefined): void {
  let left = bytes - 16;
  socket.write(headerOf(xid, ANNOUNCED));
  const pour = (): void => {
    while (left > 0) {
      const part = MEGABYTE.subarray(0, Math.min(left, MEGABYTE.length));
      left -= part.length;
      if (!socket.write(part)) return void socket.once('drain', pour);
    }
    onSent();
  };
  pour();
}

/** Kept in buffers, at most so much at any time while something is done. */
async function peakOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)), 5);
  await work();
  clearInterval(timer);
  return peak;
}

describe('an answer that is longer than maxPacketBytes', () => {
  it('fails its request at once, is not kept, and costs neither the connection nor what is asked beside it', async () => {
    // As a server does, it answers one after the other.
    let behind: PretendRequest[] | undefined;
    const { probe, server } = await against((request) => {
      if (behind) behind.push(request);
      else if (request.opcode !== GET_CHILDREN2) request.answer(NO_NODE);
      else {
        behind = [];
        flood(request, ANNOUNCED, () => {
          for (const { answer } of behind ?? []) answer(NO_NODE);
          behind = undefined;
        });
      }
    });
    const session = await probe.session();
    const peak = await peakOf(async () => {
      const [list, read] = [refusalOf(session.list('/huge')), firstValueFrom(session.read('/beside'))];
      expect(await list).toBe('TOO_LARGE');
      // It is answered after the last of 500 MB.
      expect(await read).toBeUndefined();
    });
    // Sockets hand over some 64 KB at a time; what the collector has not got to yet is a part of the 500 MB.
    expect(peak).toBeLessThan(250_000_000);
    expect(probe.statuses).toEqual(['connecting', 'connected']);
    expect(server.accepted).toBe(1);
  });

  it('to what is never answered at length costs the connection: attempts back off, states and a warning say why', async () => {
    const { probe, warnings, server } = await against((request) => flood(request));
    const since = performance.now();
    const peak = await peakOf(() => eventually(() => performance.now() - since > 3_000));
    expect(peak).toBeLessThan(250_000_000);
    expect(new Set(probe.statuses)).toEqual(new Set(['connecting']));
    const reason = expect.stringMatching(/announced a packet of 500000000 bytes, at most 1048576 are read/) as string;
    expect(probe.state).toMatchObject({ cause: { code: 'CONNECTION_LOST', message: reason } });
    expect(warnings).toMatchObject([{ code: 'NOT_SERVED', message: reason }]);
    // The waits are drawn from 0 up to 100, 200, 400, 800 and then 1500 ms: some six attempts, and 16 are no chance.
    expect(server.accepted).toBeLessThanOrEqual(16);
  });

  it('to a handshake is an attempt that failed', async () => {
    const { probe } = await against(
      ({ answer }) => answer(NO_NODE),
      () => headerOf(0, ANNOUNCED),
    );
    await eventually(() => expect(probe.state).toMatchObject({ attempt: 3 }));
    expect(probe.state).toMatchObject({ cause: { message: expect.stringContaining('500000000 bytes') as string } });
  });

  it('to nothing that was asked costs the connection', async () => {
    let first = true;
    const { probe } = await against((request) => {
      if (!first && request.opcode !== EXISTS) request.socket.write(headerOf(1_000_000, ANNOUNCED));
      else request.answer(NO_NODE);
      first = false;
    });
    const session = await probe.session();
    expect(await refusalOf(session.list('/'))).toBe('CONNECTION_LOST');
    expect(await probe.reaches('suspended')).toMatchObject({ cause: { code: 'CONNECTION_LOST' } });
  });
});

describe('maxPacketBytes', () => {
  it.each([0, 1_023, 1.5, -1, NaN, Infinity, 2_147_483_648, '1e6' as never])('refuses %s', (maxPacketBytes) => {
    expect(() => zookeeper('localhost', { maxPacketBytes })).toThrow(InvalidOptionError);
  });

  it.each([1_024, 2_147_483_647])('takes %s', (maxPacketBytes) => {
    expect(zookeeper('localhost', { maxPacketBytes }).name).toBe('zookeeper');
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { etcd } from '../../../lib/backends/etcd/index.js';
import { Probe } from '../../contract/probe.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { numbers } from './support/inSlices.js';

const CLIENTS = 60;
/** A login costs the server some 25 ms of CPU: all of them together take longer than an attempt to connect waits for one. */
const BCRYPT_COST = 9;
const T = 3_000;

describe(`${CLIENTS} clients of a server that restarts, each of which has to log in`, () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd({ rootPassword: 'r00t', flags: { 'bcrypt-cost': BCRYPT_COST } });
    // One for each, as clients of one user in one process log in together.
    for (const index of numbers(CLIENTS)) {
      await server.raw.call('auth/user/add', { name: nameOf(index), password: 'pw' });
      await server.users.grantRole(nameOf(index), 'root');
    }
  }, 120_000);
  afterAll(() => server.close());

  const nameOf = (index: number): string => `client-${index}`;

  /** How many logins a second the server manages: of twenty at once, as nobody waits for one before the next. */
  async function loginsPerSecond(): Promise<number> {
    const since = performance.now();
    const logIn = (index: number) =>
      server.raw.call('auth/authenticate', { name: nameOf(index), password: 'pw' }, 60_000);
    await Promise.all(numbers(20).map(logIn));
    return 20_000 / (performance.now() - since);
  }

  it('bounded herd, convergence: log in once each, and are all back within 1.5 times what that takes, and 5 s', async () => {
    const before = await loginsPerSecond();
    const probes = numbers(CLIENTS).map(
      (index) => new Probe(etcd(server.address, { username: nameOf(index), password: 'pw', sessionTimeoutMs: T })),
    );
    const areConnected = (): boolean => probes.every(({ state }) => state?.status === 'connected');
    await eventually(areConnected, { what: 'all to be connected', withinMs: 60_000 });

    // The server has forgotten its tokens, and counts anew.
    const told = probes.map(({ trace }) => trace.length);
    await server.restart();
    const since = performance.now();
    const isBack = ({ statuses, state }: Probe, index: number): boolean =>
      statuses.slice(told[index]).includes('suspended') && state?.status === 'connected';
    await eventually(() => probes.every(isBack), { what: 'all to be connected again', withinMs: 100_000 });
    const tookMs = performance.now() - since;
    const logins = await server.raw.metric('grpc_server_handled_total', 'grpc_method="Authenticate"');
    const after = await loginsPerSecond();
    await Promise.all(probes.map(({ backend }) => backend.close(2_000)));

    for (const probe of probes) probe.expectLegal();
    // Each once, and whoever asks here.
    expect(logins).toBeLessThanOrEqual(CLIENTS + 5);
    expect(tookMs).toBeLessThan(1.5 * (CLIENTS / Math.min(before, after)) * 1_000 + 5_000);
  }, 240_000);
});

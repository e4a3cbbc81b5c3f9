import { setTimeout as sleep } from 'node:timers/promises';
import type { RegistryServer } from '../../support/scenario/registryServer.js';
import type { Fault, Scene } from '../fault.js';

const DOWN_MS = 1_500;

/** A server, and how long it is away. */
async function killed(server: RegistryServer): Promise<void> {
  await server.kill();
  await sleep(DOWN_MS);
  await server.start();
}

export const followerKilled: Fault = {
  name: 'a follower is killed and restarted',
  effect: { affected: 'all', survivable: true },
  run: async ({ cluster }) => killed(await cluster.follower()),
};

export const leaderKilled: Fault = {
  name: 'the leader is killed and restarted',
  effect: { affected: 'all', survivable: true },
  run: async ({ cluster }) => killed(await cluster.leader()),
};

/** Loses the majority: the leader and another one. */
async function withoutMajority({ cluster }: Scene, ms: number): Promise<void> {
  const lost = [await cluster.leader(), await cluster.follower()];
  await Promise.all(lost.map((server) => server.kill()));
  await sleep(ms);
  await Promise.all(lost.map((server) => server.start()));
}

export const majorityLostFor5s: Fault = {
  name: 'the quorum is lost for 5 s, longer than the session',
  effect: { affected: 'all', silenced: true },
  run: (scene) => withoutMajority(scene, 5_000),
};

export const majorityLostForLong: Fault = {
  name: 'the quorum is lost for ten session timeouts',
  effect: { affected: 'all', silenced: true },
  run: (scene) => withoutMajority(scene, 10 * scene.sessionTimeoutMs),
};

async function frozen(server: RegistryServer, ms: number): Promise<void> {
  server.freeze();
  await sleep(ms);
  server.thaw();
}

export const followerFrozen: Fault = {
  name: 'a follower stands still (SIGSTOP) for two session timeouts',
  effect: { affected: 'all', survivable: true },
  run: async ({ cluster, sessionTimeoutMs }) => frozen(await cluster.follower(), 2 * sessionTimeoutMs),
};

/** As long as its own requests wait: then it revokes those that it could not revoke at once. */
const LATE_REVOKES_MS = 6_500;

export const leaderFrozen: Fault = {
  name: 'the leader stands still (SIGSTOP) for two session timeouts',
  // A leader of etcd 3.4 that wakes up deposed revokes the leases that it has not heard of meanwhile.
  effect: { affected: 'all', survivable: 'zookeeper' },
  run: async ({ cluster, sessionTimeoutMs }) => {
    await frozen(await cluster.leader(), 2 * sessionTimeoutMs);
    if (cluster.kind === 'etcd') await sleep(LATE_REVOKES_MS);
  },
};

export const wiped: Fault = {
  name: 'all servers lose their data',
  effect: { affected: 'all', takesNodes: true },
  run: ({ cluster }) => cluster.wipe(),
};

import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';

export const followerRestarts: Fault = {
  name: 'a follower is killed and restarted',
  effect: { affected: 'all', survivable: true },
  run: async ({ cluster }) => {
    const server = await cluster.follower();
    await server.kill();
    await sleep(1_500);
    await server.start();
  },
};

export const leaderRestarts: Fault = {
  name: 'the leader is killed and restarted',
  effect: { affected: 'all', survivable: true },
  run: async ({ cluster }) => {
    const server = await cluster.leader();
    await server.kill();
    await sleep(1_500);
    await server.start();
  },
};

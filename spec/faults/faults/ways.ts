import { setTimeout as sleep } from 'node:timers/promises';
import type { AfterHole, Direction } from '../../support/proxy/faultProxy.js';
import type { Fault, Scene } from '../fault.js';
import type { Effect } from '../recording.js';

/** The process whose way to the servers fails. */
const VICTIM = 'A';

function way({ networks }: Scene) {
  return networks.get(VICTIM)!;
}

const DIRECTIONS: readonly [Direction | 'both', string][] = [
  ['toServer', 'from client to server'],
  ['toClient', 'from server to client'],
  ['both', 'both ways'],
];

async function hole(scene: Scene, direction: Direction | 'both', ms: number, inHole: AfterHole): Promise<void> {
  way(scene).blackHole(direction);
  await sleep(ms);
  way(scene).heal(inHole);
}

/** As after a short loss of packets, everything arrives in the end. */
export const shortBlackHoles = DIRECTIONS.map(([direction, words]): Fault => ({
  name: `a black hole ${words}, a third of the session timeout`,
  effect: { affected: [VICTIM], survivable: true },
  run: (scene) => hole(scene, direction, scene.sessionTimeoutMs / 3, 'deliver'),
}));

export const longBlackHoles = DIRECTIONS.map(([direction, words]): Fault => ({
  name: `a black hole ${words}, two session timeouts`,
  effect: { affected: [VICTIM], silenced: true, unheard: direction !== 'toClient' },
  run: (scene) => hole(scene, direction, 2 * scene.sessionTimeoutMs, 'destroy'),
}));

/** Does something again and again. */
async function every(ms: number, forMs: number, work: () => void): Promise<void> {
  for (let left = forMs; left > 0; left -= ms) {
    work();
    await sleep(ms);
  }
}

export function resets(forMs: number): Fault {
  return {
    name: `all connections are reset every 200 ms for ${forMs / 1_000} s`,
    effect: { affected: [VICTIM] },
    run: (scene) => every(200, forMs, () => way(scene).dropConnections()),
  };
}

export const cutAnswers: Fault = {
  name: 'answers are cut in mid-packet, again and again for 5 s',
  effect: { affected: [VICTIM] },
  run: (scene) => every(150, 5_000, () => way(scene).cutAfter(1 + Math.floor(Math.random() * 60), 'toClient')),
};

/** Slower than anything may be: as good as nothing. */
export const latency: Fault = {
  name: 'a latency of 2 s each way for 8 s',
  effect: { affected: [VICTIM], silenced: true },
  run: async (scene) => {
    way(scene).delay(2_000);
    await sleep(8_000);
    way(scene).delay(0);
  },
};

const slowly: Effect = { affected: [VICTIM], slow: true };

export const bandwidth: Fault = {
  name: 'a bandwidth of 2 kB/s for 8 s',
  effect: slowly,
  run: async (scene) => {
    way(scene).throttle(2_000);
    await sleep(8_000);
    way(scene).throttle(0);
  },
};

const HOST = 'registry.test';

export const unresolvable: Fault = {
  name: 'a host name that does not resolve for the first 4 s',
  effect: { affected: ['E'] },
  run: async (scene) => {
    const process = await scene.join(
      'E',
      [
        {
          role: 'provider',
          name: 'late provider',
          interface: 'faults.Alpha',
          provides: '10.9.1.1:20880',
          steady: true,
        },
        { role: 'consumer', name: 'late consumer', interface: 'faults.Alpha' },
      ],
      HOST,
    );
    await sleep(4_000);
    await process.order({ do: 'resolve', names: { [HOST]: '127.0.0.1' } });
  },
};

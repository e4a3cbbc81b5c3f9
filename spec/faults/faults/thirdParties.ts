import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';
import { endSessions } from './processes.js';

export const directoryRemoved: Fault = {
  name: 'the directory of a service is deleted',
  effect: { affected: [], takesNodes: true },
  run: (scene) => scene.cluster.removeTree('/dubbo/faults.Alpha/providers'),
};

export const rootRemoved: Fault = {
  name: 'the root directory is deleted',
  effect: { affected: [], takesNodes: true },
  run: (scene) => scene.cluster.removeTree('/dubbo'),
};

/** Sessions end meanwhile, so that registrations and lists must be made anew under refusal. */
export const refused: Fault = {
  name: 'rights are revoked for 3 s, while sessions end, and given back',
  withUsers: true,
  effect: { affected: 'all', takesNodes: true },
  run: async (scene) => {
    const { cluster } = scene;
    await cluster.revoke();
    await endSessions(scene, 'B');
    await sleep(3_000);
    await cluster.restore();
  },
};

import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';

export const longBlackHole: Fault = {
  name: 'a black hole both ways for two session timeouts around one process',
  effect: { affected: ['A'], silenced: true, unheard: true },
  run: async ({ networks, sessionTimeoutMs }) => {
    networks.get('A')!.blackHole('both');
    await sleep(2 * sessionTimeoutMs);
    networks.get('A')!.heal();
  },
};

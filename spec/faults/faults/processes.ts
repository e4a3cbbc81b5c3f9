import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Scene } from '../fault.js';

export const sessionsEnded: Fault = {
  name: 'somebody else ends the sessions of one process',
  effect: { affected: ['B'] },
  run: (scene) => endSessions(scene, 'B'),
};

/** Ends the sessions of a process behind its back. */
export async function endSessions({ cluster, processes }: Scene, name: string): Promise<void> {
  const sessions = (await processes.get(name)!.order({ do: 'sessions' })) ?? [];
  await Promise.all(sessions.map((session) => cluster.end(session)));
}

export const stopped: Fault = {
  name: 'our own process stands still (SIGSTOP) for two session timeouts',
  effect: { affected: ['C'], stopped: true, unheard: true },
  run: async ({ processes, sessionTimeoutMs }) => {
    processes.get('C')!.freeze();
    await sleep(2 * sessionTimeoutMs);
    processes.get('C')!.thaw();
  },
};

export const killed: Fault = {
  name: 'our own process is killed, and started again at once',
  effect: { affected: ['D'] },
  run: async (scene) => {
    await scene.replace('D');
    // Until the sessions of those before have ended, too.
    await sleep(scene.sessionTimeoutMs + 1_000);
  },
};

const HOUR_MS = 3_600_000;

export const clockJumps: Fault = {
  name: 'the wall clock jumps an hour ahead, then an hour back',
  effect: { affected: [], survivable: true },
  run: async ({ processes }) => {
    for (const offsetMs of [HOUR_MS, -HOUR_MS, 0]) {
      await Promise.all([...processes.values()].map((process) => process.order({ do: 'setClock', offsetMs })));
      await sleep(1_500);
    }
  },
};

export const closesInHole: Fault = {
  name: 'a process closes while it is in a black hole',
  effect: { affected: ['V'] },
  run: async (scene) => {
    await scene.join('V', [
      { role: 'provider', name: 'visitor', interface: 'faults.Beta', provides: '10.9.1.2:20880', steady: true },
      { role: 'consumer', name: 'visiting consumer', interface: 'faults.Beta' },
    ]);
    await sleep(1_000);
    scene.networks.get('V')!.blackHole('both');
    await scene.leave('V');
    scene.networks.get('V')!.heal();
  },
};

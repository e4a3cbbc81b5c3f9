import type { Fault } from '../fault.js';

export const sessionsEnded: Fault = {
  name: 'somebody ends the sessions of one process',
  effect: { affected: ['B'] },
  run: async ({ cluster, processes }) => {
    const sessions = (await processes.get('B')!.order({ do: 'sessions' })) ?? [];
    await Promise.all(sessions.map((session) => cluster.end(session)));
  },
};

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REST_MS, SESSION_MS } from '../support/virtual/index.js';
import { type Step, steps, Village } from './village.js';

/** Long enough for every answer that is still to be lost: each costs a connection. */
const AT_REST_MS = 3 * REST_MS;

describe('registries on one server, whatever happens to them', () => {
  it('keep legal events, legal states and no empty push at every step, and convergence at rest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: 5, maxLength: 40, size: 'max' }),
        fc.constantFrom(0, 3),
        async (history, latencyMs) => {
          const village = new Village(latencyMs);
          live(village, history);
          settle(village);
          await close(village);
        },
      ),
      { numRuns: 200 },
    );
  });
});

function live(village: Village, history: readonly Step[]): void {
  for (const step of history) {
    village.take(step);
    expect(village.flaws, JSON.stringify(step)).toEqual([]);
  }
}

function settle(village: Village): void {
  const { server, time } = village.world;
  village.mend();
  time.pass(AT_REST_MS);

  expect(village.flaws).toEqual([]);
  expect(
    village.registries.map(({ states }) => states.status),
    'convergence: everybody is connected',
  ).toEqual(village.registries.map(() => 'connected'));
  expect(
    village.nodes.map(({ path }) => path),
    'convergence, no ghost, single registration: the tree is what live registrations want',
  ).toEqual(village.wanted);
  for (const keys of village.knownKeys)
    expect(keys, 'no missed removal: a view is the tree').toEqual(village.instances);
  expect(new Set(village.views.map((view) => view.join())).size, 'all views agree').toBeLessThanOrEqual(1);
  expect(server.watches, 'no leak: watches').toBe(village.neededWatches);
  expect(server.connections, 'no leak: connections').toBe(village.registries.length);
  expect([...server.sessions].sort(), 'no leak: sessions').toEqual(
    village.registries.map(({ sessionId }) => sessionId).sort(),
  );

  const before = village.nodes;
  time.pass(2 * SESSION_MS);
  expect(village.nodes, 'at rest nothing is written').toEqual(before);
}

async function close(village: Village): Promise<void> {
  const { server, time } = village.world;
  village.leave();
  time.pass(100);
  expect(village.nodes, 'no ghost').toEqual([]);
  expect(server.watches, 'bounded load, no leak').toBe(0);
  await time.settle(Promise.all(village.registries.map(({ registry }) => registry.close())));
  expect(village.flaws).toEqual([]);
  // What is on its way arrives.
  time.pass(10);
  expect({ sessions: server.sessions, connections: server.connections, timers: time.timers }).toEqual({
    sessions: [],
    connections: 0,
    timers: 0,
  });
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REST_MS } from '../support/virtual/index.js';
import { Archive, type Step, steps } from './archive.js';

describe('configuration centres on one server, whatever happens to them', () => {
  it('tell no value twice, versions that rise, nothing in an outage, and the last one at rest; compare-and-set is exact', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: 5, maxLength: 40, size: 'max' }),
        fc.constantFrom(0, 3),
        async (history, latencyMs) => {
          const archive = new Archive(latencyMs);
          await live(archive, history);
          await settle(archive);
          await close(archive);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});

async function live(archive: Archive, history: readonly Step[]): Promise<void> {
  for (const step of history) {
    await archive.take(step);
    expect(archive.flaws, JSON.stringify(step)).toEqual([]);
  }
}

async function settle(archive: Archive): Promise<void> {
  const { server, time } = archive.world;
  archive.mend();
  // Long enough for every answer that is still to be lost.
  await time.passAsync(3 * REST_MS);
  expect(archive.flaws).toEqual([]);
  expect(archive.statuses, 'convergence: everybody is connected').toEqual(archive.statuses.map(() => 'connected'));
  const { held, told } = archive.views;
  expect(told, 'convergence: everybody was told what there is').toEqual(told.map(() => held));
  expect(server.watches, 'one watch for each who watches').toBe(archive.watching);
  expect(archive.judgeWrites(), 'compare-and-set').toEqual([]);
}

async function close(archive: Archive): Promise<void> {
  const { server, time } = archive.world;
  await archive.close();
  expect(archive.flaws).toEqual([]);
  time.pass(10);
  expect({
    sessions: server.sessions,
    connections: server.connections,
    watches: server.watches,
    timers: time.timers,
  }).toEqual({ sessions: [], connections: 0, watches: 0, timers: 0 });
}

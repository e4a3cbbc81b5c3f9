import { expect, it } from 'vitest';
import { killWriters } from './kill/killWriters.js';

it('reads the last state or the one before after a kill in the middle of writing, whole', async () => {
  const { problems, states } = await killWriters(10);
  expect(problems).toEqual([]);
  expect(states).toBeGreaterThan(0);
  // Ten processes, each of which starts and writes some megabytes.
}, 120_000);

import { describe, expect, it } from 'vitest';
import { BACKOFF_MS, SESSION_MS } from '../../support/virtual/index.js';
import { BUCKET_MS, massRestart } from './massRestart.js';

const CLIENTS = 1_000;
/** Each waits half the longest backoff on average; a quarter more is luck. */
const MOST_AT_ONCE = 1.25 * CLIENTS * (BUCKET_MS / (BACKOFF_MS / 2));

describe('a thousand clients whose server comes back', () => {
  for (const [name, outageMs] of Object.entries({
    'within the session': SESSION_MS / 2,
    'after two sessions': 2 * SESSION_MS,
  })) {
    it(`${name}, keep every invariant and return no faster than their backoff lets them`, { timeout: 60_000 }, () => {
      const { flaws, attempts } = massRestart({ clients: CLIENTS, outageMs, seed: 1 });
      expect(flaws).toEqual([]);
      expect(
        Math.max(...attempts.map((count) => count ?? 0)),
        `attempts per ${BUCKET_MS} ms: ${attempts.join(' ')}`,
      ).toBeLessThan(MOST_AT_ONCE);
    });
  }
});

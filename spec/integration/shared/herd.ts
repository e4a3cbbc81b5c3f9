import { describe, expect, it } from 'vitest';
import { herdOnServer } from '../../herd/herdOnServer.js';
import { histogram } from '../../herd/histogram.js';
import { BACKOFF } from '../../herd/window.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import type { StartRegistryServer } from '../../support/scenario/registryServer.js';

/** What many clients do whose server comes back; more of them with `npm run test:herd`. */
export function describeHerd(kind: string, start: StartRegistryServer, clients: number): void {
  describe(`bounded herd on ${kind}`, () => {
    it(`${clients} clients whose server comes back return within moments, and not in step`, async () => {
      const options = { clients, processes: 2, outageMs: 4_000, sessionMs: 10_000 };
      const { attempts, goneAt, backAt, allBackAt } = await herdOnServer(start, options);
      // In step, all of them would fall into one bin. A busy machine delays some, and then others with them: exact figures are
      // for virtual time, and for a machine with nothing else to do.
      const bins = histogram(attempts, goneAt + 2 * BACKOFF.maxMs, allBackAt);
      expect(Math.max(...bins)).toBeLessThanOrEqual(0.9 * clients);
      expect(bins.filter((count) => count > 0).length).toBeGreaterThanOrEqual(5);
      // Two attempts in the longest wait, from there on, and what comes before it: about five.
      expect(attempts.length).toBeLessThanOrEqual(clients * (5 + (2 * (allBackAt - goneAt)) / BACKOFF.maxMs) * 1.5);
      expect(allBackAt - backAt).toBeLessThanOrEqual(2 * BACKOFF.maxMs + 10 * SLACK_MS);
    }, 120_000);
  });
}

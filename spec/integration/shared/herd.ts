import { describe, expect, it } from 'vitest';
import { herdOnServer } from '../../herd/herdOnServer.js';
import { histogram } from '../../herd/histogram.js';
import { BACKOFF, mostPerBin } from '../../herd/window.js';
import { SLACK_MS } from '../../support/scenario/slack.js';
import type { StartRegistryServer } from '../../support/scenario/registryServer.js';

/** What many clients do whose server comes back; more of them with `npm run test:herd`. */
export function describeHerd(kind: string, start: StartRegistryServer, clients: number): void {
  describe(`bounded herd on ${kind}`, () => {
    it(`${clients} clients whose server comes back return within moments, and not in step`, async () => {
      const options = { clients, processes: 2, outageMs: 4_000, sessionMs: 10_000 };
      const { attempts, goneAt, backAt, allBackAt } = await herdOnServer(start, options);
      // A busy machine delays some, and then others with them; all at once would be as many as there are.
      const bins = histogram(attempts, goneAt + 2 * BACKOFF.maxMs, allBackAt);
      expect(Math.max(...bins)).toBeLessThanOrEqual(2 * mostPerBin(clients));
      expect(2 * mostPerBin(clients)).toBeLessThan(0.8 * clients);
      // Two attempts in the longest wait, from there on, and what comes before it: about five.
      expect(attempts.length).toBeLessThanOrEqual(clients * (5 + (2 * (allBackAt - goneAt)) / BACKOFF.maxMs) * 1.5);
      expect(allBackAt - backAt).toBeLessThanOrEqual(2 * BACKOFF.maxMs + 3 * SLACK_MS);
    }, 120_000);
  });
}

import { describe, expect, it } from 'vitest';
import { AdaptiveWindow } from '../../lib/internal/adaptiveWindow.js';

/** A link that carries one request after another; the answers take no room. */
interface SlowLink {
  readonly bytesPerMs: number;
  /** There and back, in milliseconds. */
  readonly latencyMs: number;
}

interface Sample {
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** Sends requests of one size through a window for a while, as many as it lets. */
function send(link: SlowLink, requestBytes: number, forMs: number, patienceMs: number): Sample[] {
  const window = new AdaptiveWindow({ mostRequests: 256, patienceMs: () => patienceMs });
  const samples: Sample[] = [];
  const pending: { readonly answeredAt: number; readonly underWay: ReturnType<AdaptiveWindow['sent']> }[] = [];
  let freeAt = 0;
  let now = 0;
  while (now < forMs) {
    while (window.hasRoom) {
      freeAt = Math.max(freeAt, now) + requestBytes / link.bytesPerMs;
      pending.push({ answeredAt: freeAt + link.latencyMs, underWay: window.sent(requestBytes, now) });
    }
    const { answeredAt, underWay } = pending.shift()!;
    now = answeredAt;
    window.answered(underWay, now);
    samples.push({ sentAt: underWay.sentAt, answeredAt });
  }
  return samples;
}

const longestWaitIn = (samples: readonly Sample[]): number =>
  Math.max(...samples.map(({ sentAt, answeredAt }) => answeredAt - sentAt));

describe('AdaptiveWindow', () => {
  // A twelfth of a session timeout of 6 s.
  const PATIENCE_MS = 500;

  it.each([
    ['400 kB/s, requests of 20 kB', 400, 20_000],
    ['400 kB/s, small requests', 400, 300],
    ['100 kB/s, requests of 20 kB', 100, 20_000],
    ['1 MB/s, requests of 100 kB', 1_000, 100_000],
  ])('keeps the row short on a slow link, and the link busy: %s', (_, bytesPerMs, bytes) => {
    const samples = send({ bytesPerMs, latencyMs: 20 }, bytes, 60_000, PATIENCE_MS);
    const oneMs = bytes / bytesPerMs;
    // The first window may be too large for the link. After that, what is in it when it closes may take as long once more.
    const firstMs = (131_072 + bytes) / bytesPerMs;
    expect(longestWaitIn(samples)).toBeLessThanOrEqual(Math.max(firstMs, 2 * PATIENCE_MS) + oneMs + 20);
    const later = samples.filter(({ sentAt }) => sentAt > 10_000);
    expect(longestWaitIn(later)).toBeLessThanOrEqual(2 * PATIENCE_MS + oneMs + 20);
    expect(samples.length * oneMs).toBeGreaterThan(0.9 * 60_000);
  });

  it('opens on a link that is fast, however long the way is', () => {
    const samples = send({ bytesPerMs: 100_000, latencyMs: 200 }, 300, 10_000, PATIENCE_MS);
    // 256 requests every 200 ms, but for the first half second in which it opens.
    expect(samples.length).toBeGreaterThan((256 * 9_000) / 200);
  });

  it('learns nothing from what was never sent', () => {
    const window = new AdaptiveWindow({ mostRequests: 256, patienceMs: () => PATIENCE_MS });
    for (let index = 0; index < 1_000; index += 1) window.dropped(window.sent(100, index));
    let room = 0;
    for (; window.hasRoom; room += 1) window.sent(0, 1_000);
    expect(room).toBe(16);
  });

  it('lets one request through that is larger than the window, and nothing beside it', () => {
    const window = new AdaptiveWindow({ mostRequests: 256, patienceMs: () => PATIENCE_MS });
    window.sent(1_000_000, 0);
    expect(window.hasRoom).toBe(false);
  });

  it('never closes altogether', () => {
    const samples = send({ bytesPerMs: 1, latencyMs: 20 }, 30_000, 600_000, PATIENCE_MS);
    expect(samples.length).toBeGreaterThanOrEqual(19);
  });
});

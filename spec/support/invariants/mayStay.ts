import type { Limits } from './limits.js';
import type { Timeline, Want } from './timeline.js';

/**
 * Whether a node may stay for good after its registration is over: a persistent one does when its registry is closed, also
 * where it was let go before, if there was no time to take it back.
 */
export function mayStay(timeline: Timeline, want: Want, { recoveryMs }: Limits): boolean {
  if (!want.persistent || want.end === 'never') return false;
  if (want.outlives) return true;
  const closing = timeline.of('close').find(({ client, change }) => client === want.client && change !== 'asked');
  if (!closing) return false;
  return timeline.longestCalm(want.client, { fromMs: want.heldUntilMs, toMs: closing.atMs }) <= recoveryMs;
}

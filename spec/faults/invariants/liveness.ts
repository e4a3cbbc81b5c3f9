import type { Recording } from '../recording.js';
import { isAffected, of, since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

/**
 * What a late timer may add, as a share of the session timeout: little enough that a session given up at 1.4 T is late, and
 * 600 ms of a session timeout of 3 s.
 */
const SLACK_SHARE = 1 / 5;

/**
 * Who gets nothing from any server is `suspended` within two thirds of the session timeout and `lost` within the whole,
 * without a server's help; whose process stood still knows it as soon as it goes on.
 */
export const liveness: Invariant = (recording) => {
  const { effect, from, healedAt, sessionTimeoutMs, actors } = recording;
  if (!effect.silenced && !effect.stopped) return undefined;
  const slackMs = sessionTimeoutMs * SLACK_SHARE;
  const states = of(recording, 'state');
  const seen: string[] = [];
  let measuredMs = 0;
  const expect = (actor: string, status: 'suspended' | 'lost', begin: number, boundMs: number): void => {
    const found = states.find(
      (each) => each.actor === actor && each.at >= begin && (each.status === 'lost' || each.status === status),
    );
    const took = (found?.at ?? Infinity) - begin;
    if (took > boundMs) {
      const when = found ? `only at ${since(recording, found.at)}` : 'not at all';
      seen.push(`${actor} was ${status} ${when}`);
    }
    if (found) measuredMs = Math.max(measuredMs, took);
  };
  for (const actor of actors.values()) {
    if (!isAffected(recording, actor.process) || !wasConnected(recording, actor.name)) continue;
    if (effect.stopped) expect(actor.name, 'lost', healedAt, slackMs);
    else {
      if (healedAt - from > (sessionTimeoutMs * 2) / 3 + slackMs) {
        expect(actor.name, 'suspended', from, (sessionTimeoutMs * 2) / 3 + slackMs);
      }
      if (healedAt - from > sessionTimeoutMs + slackMs) expect(actor.name, 'lost', from, sessionTimeoutMs + slackMs);
    }
  }
  return verdict(seen, { measuredMs, boundMs: effect.stopped ? slackMs : sessionTimeoutMs + slackMs });
};

function wasConnected(recording: Recording, actor: string): boolean {
  return (
    of(recording, 'state').findLast((each) => each.actor === actor && each.at < recording.from)?.status === 'connected'
  );
}

import { type Recording, SLACK_MS } from '../recording.js';
import { isAffected, of, since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

/**
 * Who gets nothing from any server is `suspended` within two thirds of the session timeout and `lost` within the whole,
 * without a server's help; whose process stood still knows it as soon as it goes on.
 */
export const liveness: Invariant = (recording) => {
  const { effect, from, healedAt, sessionTimeoutMs, actors } = recording;
  if (!effect.silenced && !effect.stopped) return undefined;
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
    if (effect.stopped) expect(actor.name, 'lost', healedAt, SLACK_MS);
    else {
      if (healedAt - from > (sessionTimeoutMs * 2) / 3 + SLACK_MS) {
        expect(actor.name, 'suspended', from, (sessionTimeoutMs * 2) / 3 + SLACK_MS);
      }
      if (healedAt - from > sessionTimeoutMs + SLACK_MS) expect(actor.name, 'lost', from, sessionTimeoutMs + SLACK_MS);
    }
  }
  return verdict(seen, { measuredMs, boundMs: effect.stopped ? SLACK_MS : sessionTimeoutMs + SLACK_MS });
};

function wasConnected(recording: Recording, actor: string): boolean {
  return (
    of(recording, 'state').findLast((each) => each.actor === actor && each.at < recording.from)?.status === 'connected'
  );
}

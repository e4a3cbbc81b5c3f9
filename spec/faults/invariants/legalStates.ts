import { since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

/** Which state may follow which. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  none: ['connecting'],
  connecting: ['connecting', 'connected', 'closed'],
  connected: ['suspended', 'lost', 'closed'],
  suspended: ['connected', 'lost', 'closed'],
  lost: ['connecting', 'closed'],
  closed: [],
};

/** Every trace of states follows the table; a suspended session comes back as the same or is lost; closed is final. */
export const legalStates: Invariant = (recording) => {
  const states = new Map<string, { status: string; session?: string | undefined }>();
  const seen: string[] = [];
  for (const observation of recording.observations) {
    if (observation.what === 'entered') states.delete(observation.actor);
    if (observation.what !== 'state') continue;
    const { actor, status, session, at } = observation;
    const before = states.get(actor) ?? { status: 'none' };
    states.set(actor, { status, session });
    if (at < recording.from) continue;
    if (!NEXT[before.status]!.includes(status))
      seen.push(`${actor}: ${before.status} → ${status} at ${since(recording, at)}`);
    if (before.status === 'suspended' && status === 'connected' && before.session !== session) {
      seen.push(`${actor}: suspended in ${before.session}, connected in ${session} at ${since(recording, at)}`);
    }
  }
  return verdict(seen);
};

import { INITIAL_STATUS, LEGAL_TRANSITIONS } from '../../../lib/port/index.js';
import type { StateEvent } from './history.js';
import type { Invariant } from './invariant.js';

/** Every state trace follows the table; `closed` is final; a suspended session comes back as itself or not at all. */
export const legalStates: Invariant = {
  name: 'legal states',
  says: 'every state trace follows the table; closed is final',
  *check(timeline) {
    const last = new Map<string, StateEvent>();
    for (const state of timeline.of('state')) {
      const before = last.get(state.client);
      last.set(state.client, state);
      const { atMs, client, status, session } = state;
      if (!before) {
        if (status !== INITIAL_STATUS && status !== 'closed') yield { atMs, what: `${client} began as ${status}` };
      } else if (!LEGAL_TRANSITIONS[before.status].includes(status)) {
        yield { atMs, what: `${client} went from ${before.status} to ${status}` };
      } else if (before.status === 'suspended' && status === 'connected' && before.session !== session) {
        yield { atMs, what: `${client} was suspended in ${before.session} and came back in ${session}` };
      }
    }
  },
};

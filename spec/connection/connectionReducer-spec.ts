import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConnectionEvent, connectionReducer } from '../../lib/connection/index.js';
import { type ConnectionState, isLegalTransition } from '../../lib/port/index.js';
import { fakeSession } from './fakeSession.js';

const session = fakeSession('1');
const other = fakeSession('2');
const before = new Error('before');
const cause = new Error('now');

const connecting: ConnectionState = { status: 'connecting', attempt: 3, cause: before };
const connected: ConnectionState = { status: 'connected', session };
const suspended: ConnectionState = { status: 'suspended', session, cause: before };
const lost: ConnectionState = { status: 'lost', cause: before, confirmed: false };

const attempt: ConnectionEvent = { type: 'attempt', cause };
const up: ConnectionEvent = { type: 'up', session };
const upAnew: ConnectionEvent = { type: 'up', session: other };
const down: ConnectionEvent = { type: 'down', cause };
const expired: ConnectionEvent = { type: 'expired', cause };
const overdue: ConnectionEvent = { type: 'overdue', cause };

const SAME = 'the same';

describe('connectionReducer', () => {
  it.each<[ConnectionState | undefined, ConnectionEvent, ConnectionState | typeof SAME]>([
    [undefined, { type: 'attempt' }, { status: 'connecting', attempt: 1 }],
    [undefined, attempt, { status: 'connecting', attempt: 1, cause }],
    [undefined, up, SAME],
    [undefined, down, SAME],
    [undefined, expired, SAME],
    [undefined, overdue, SAME],

    [connecting, attempt, { status: 'connecting', attempt: 4, cause }],
    [connecting, { type: 'attempt' }, { status: 'connecting', attempt: 4 }],
    [connecting, up, connected],
    [connecting, upAnew, { status: 'connected', session: other }],
    [connecting, down, SAME],
    [connecting, expired, SAME],
    [connecting, overdue, SAME],

    [connected, attempt, SAME],
    [connected, up, SAME],
    [connected, upAnew, SAME],
    [connected, down, { status: 'suspended', session, cause }],
    [connected, expired, { status: 'lost', cause, confirmed: true }],
    [connected, overdue, { status: 'lost', cause, confirmed: false }],

    [suspended, attempt, SAME],
    [suspended, up, connected],
    [suspended, upAnew, SAME],
    [suspended, down, SAME],
    [suspended, expired, { status: 'lost', cause, confirmed: true }],
    [suspended, overdue, { status: 'lost', cause, confirmed: false }],

    [lost, attempt, { status: 'connecting', attempt: 1, cause }],
    [lost, up, SAME],
    [lost, upAnew, SAME],
    [lost, down, SAME],
    [lost, expired, SAME],
    [lost, overdue, SAME],

    [{ status: 'closed' }, down, SAME],
    [{ status: 'closed' }, up, SAME],
    [{ status: 'closed' }, expired, SAME],
    [{ status: 'closed' }, overdue, SAME],
    [{ status: 'closed' }, attempt, SAME],
  ])('%j, then %j: %j', (state, event, next) => {
    const actual = connectionReducer(state, event);
    if (next === SAME) expect(actual).toBe(state);
    else expect(actual).toEqual(next);
  });

  it('keeps legal states, whatever happens in whatever order', () => {
    const events = fc.array(fc.constantFrom(attempt, { type: 'attempt' } as const, up, upAnew, down, expired, overdue));
    fc.assert(
      fc.property(events, (history) => {
        let state: ConnectionState | undefined;
        for (const event of history) {
          const next = connectionReducer(state, event);
          if (next === state) continue;
          expect(next && isLegalTransition(state, next), `${state?.status} → ${next?.status}`).toBe(true);
          state = next;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

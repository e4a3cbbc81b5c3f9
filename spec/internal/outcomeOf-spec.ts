import { defer, EMPTY, type Observable, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { signOfLife } from '../../lib/connection/served.js';
import { Attempts } from '../../lib/config/attempts.js';
import { ERROR_CODES, type ErrorCode, RegistryError } from '../../lib/errors.js';
import { type Outcome, outcomeOf } from '../../lib/internal/outcomeOf.js';
import { isAnswer } from '../../lib/internal/isAnswer.js';

/** Written down once more, so that nobody changes what an error says without meaning it. */
const EXPECTED: Readonly<Record<Exclude<Outcome, 'refused'>, readonly ErrorCode[]>> = {
  unanswered: ['CONNECTION_LOST', 'TIMEOUT'],
  unknown: ['SESSION_EXPIRED', 'SERVER_ERROR', 'OUTCOME_UNKNOWN'],
};

describe('the outcome of an operation that ended with an error', () => {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  it.each(codes)('%s', (code) => {
    const error = new RegistryError(code, 'as told');
    const expected = EXPECTED.unanswered.includes(code)
      ? 'unanswered'
      : EXPECTED.unknown.includes(code)
        ? 'unknown'
        : 'refused';
    expect(outcomeOf(error)).toBe(expected);
    expect(isAnswer(error)).toBe(expected !== 'unanswered');
  });

  it('is not known of an error that is not of this package', () => {
    for (const error of [new Error('a bug'), 'text', undefined]) {
      expect(outcomeOf(error)).toBe('unanswered');
      expect(isAnswer(error)).toBe(false);
    }
  });

  it.each(codes)('is the same to a connection and to a write: %s', (code) => {
    const failure: Observable<never> = throwError(() => new RegistryError(code, 'as told'));
    const link = { session: undefined as never, ping: () => failure, end: () => EMPTY };
    let isAlive = false;
    signOfLife(link).subscribe({ next: () => (isAlive = true), error: () => undefined });
    const attempts = new Attempts({});
    attempts.send(failure).subscribe({ error: () => undefined });
    // Whoever answers is alive, even if nobody knows what it did; only a session that is over has to begin anew.
    if (attempts.inDoubt)
      expect(isAlive).toBe(outcomeOf(new RegistryError(code, '')) === 'unknown' && code !== 'SESSION_EXPIRED');
    else expect(isAlive).toBe(true);
  });

  it('that succeeded is no question', () => {
    const attempts = new Attempts({});
    attempts.send(defer(() => of(1))).subscribe();
    expect(attempts.inDoubt).toBe(false);
  });
});

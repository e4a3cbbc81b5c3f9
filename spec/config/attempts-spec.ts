import { NEVER, type Observable, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Attempts } from '../../lib/config/attempts.js';
import { putIf, Refused } from '../../lib/config/configWrites.js';
import { ERROR_CODES, type ErrorCode, RegistryError } from '../../lib/errors.js';
import { outcomeOf } from '../../lib/internal/outcomeOf.js';
import type { RegistryNode, Session } from '../../lib/port/index.js';

const failure = (code: ErrorCode): Observable<never> => throwError(() => new RegistryError(code, 'as told'));

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const outcome = (code: ErrorCode) => outcomeOf(new RegistryError(code, ''));
/** After these nobody knows whether the server has carried the write out. */
const UNANSWERED = CODES.filter((code) => outcome(code) !== 'refused');
/** These say that it has not. */
const ANSWERS = CODES.filter((code) => outcome(code) === 'refused');

describe('an attempt', () => {
  it.each(UNANSWERED)('that ends with %s leaves doubt, whatever later ones are told', (code) => {
    const attempts = new Attempts({});
    attempts.send(failure(code)).subscribe({ error: () => undefined });
    expect(attempts.inDoubt).toBe(true);
    // A later answer says nothing of the one before.
    attempts.send(failure('CONFLICT')).subscribe({ error: () => undefined });
    expect(attempts.inDoubt).toBe(true);
  });

  it.each(ANSWERS)('that ends with %s leaves none', (code) => {
    const attempts = new Attempts({});
    attempts.send(failure(code)).subscribe({ error: () => undefined });
    expect(attempts.inDoubt).toBe(false);
  });

  it('that is under way, or fails with what is no error of ours, leaves doubt', () => {
    for (const operation of [NEVER, throwError(() => new Error('a bug'))]) {
      const attempts = new Attempts({});
      attempts.send(operation).subscribe({ error: () => undefined });
      expect(attempts.inDoubt).toBe(true);
    }
  });
});

describe('compare-and-set', () => {
  const data = new Uint8Array([1]);
  const written: RegistryNode = { path: '/a', data, version: 2n, owner: undefined };

  it.each(UNANSWERED)('that was carried out and ended with %s is no conflict at the next attempt', (code) => {
    const answers = [failure(code), failure('CONFLICT')];
    const session = { write: () => answers.shift()!, read: () => of(written) } as unknown as Session;
    const attempts = new Attempts({});
    const errors: unknown[] = [];
    for (let attempt = 0; attempt < 2; attempt++) {
      putIf(session, '/a', data, 1n, attempts).subscribe({ error: (error: unknown) => errors.push(error) });
    }
    expect(errors[0]).toMatchObject({ code });
    expect(errors[1]).toBeInstanceOf(Refused);
    // What the key holds now may be what the first attempt wrote: to say "conflict" would be a guess.
    expect(errors[1]).toMatchObject({ inDoubt: true, node: written });
  });

  it.each(ANSWERS.filter((code) => code !== 'CONFLICT' && code !== 'NO_NODE'))(
    'that ended with %s is a conflict at the next attempt, where somebody else wrote',
    (code) => {
      const answers = [failure(code), failure('CONFLICT')];
      const session = { write: () => answers.shift()!, read: () => of(written) } as unknown as Session;
      const attempts = new Attempts({});
      const errors: unknown[] = [];
      for (let attempt = 0; attempt < 2; attempt++) {
        putIf(session, '/a', data, 1n, attempts).subscribe({ error: (error: unknown) => errors.push(error) });
      }
      expect(errors[1]).toMatchObject({ inDoubt: false });
    },
  );
});

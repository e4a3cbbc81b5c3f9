import { describe, expect, it } from 'vitest';
import { isAnswered, toRegistryError } from '../../../lib/backends/etcd/errors.js';
import type { ErrorCode } from '../../../lib/errors.js';
import { type Outcome, outcomeOf } from '../../../lib/internal/outcomeOf.js';

/** What a call ends with, as gRPC shows it, what that is to us, and what it says of the call. */
const STATUSES: readonly (readonly [code: number, name: string, details: string, ErrorCode, Outcome])[] = [
  [1, 'CANCELLED', 'Call cancelled', 'CONNECTION_LOST', 'unanswered'],
  [2, 'UNKNOWN', 'panic', 'SERVER_ERROR', 'unknown'],
  [3, 'INVALID_ARGUMENT', 'etcdserver: request is too large', 'TOO_LARGE', 'refused'],
  [4, 'DEADLINE_EXCEEDED', 'Deadline exceeded', 'TIMEOUT', 'unanswered'],
  [5, 'NOT_FOUND', 'etcdserver: requested lease not found', 'SESSION_EXPIRED', 'unknown'],
  [7, 'PERMISSION_DENIED', 'etcdserver: permission denied', 'NOT_AUTHORIZED', 'refused'],
  [8, 'RESOURCE_EXHAUSTED', 'etcdserver: mvcc: database space exceeded', 'SERVER_ERROR', 'unknown'],
  [8, 'RESOURCE_EXHAUSTED', 'etcdserver: too many requests', 'SERVER_ERROR', 'unknown'],
  [13, 'INTERNAL', 'Received RST_STREAM with code 2 (Internal server error)', 'CONNECTION_LOST', 'unanswered'],
  [12, 'UNIMPLEMENTED', 'Received HTTP status code 404', 'CONNECTION_LOST', 'unanswered'],
  [14, 'UNAVAILABLE', 'etcdserver: request timed out', 'TIMEOUT', 'unanswered'],
  [14, 'UNAVAILABLE', 'etcdserver: no leader', 'CONNECTION_LOST', 'unanswered'],
  [14, 'UNAVAILABLE', 'etcdserver: leader changed', 'CONNECTION_LOST', 'unanswered'],
  [14, 'UNAVAILABLE', 'read ECONNRESET', 'CONNECTION_LOST', 'unanswered'],
];

describe('an error of etcd', () => {
  it.each(STATUSES)('%i %s: %s', (code, name, details, expected, outcome) => {
    const error = toRegistryError(new Error(`${code} ${name}: ${details}`), 'read "/a"');
    expect(error.code).toBe(expected);
    expect(outcomeOf(error)).toBe(outcome);
    // Whoever watches the connection has the same opinion.
    expect(isAnswered({ code, details })).toBe(outcome !== 'unanswered');
  });

  it.each([
    'invalid auth token',
    'auth token refused',
    'auth: revision of auth store is old',
    'etcdserver: user name is empty',
  ])('that asks for a login is an answer: %s', (details) => expect(isAnswered({ code: 16, details })).toBe(true));
});

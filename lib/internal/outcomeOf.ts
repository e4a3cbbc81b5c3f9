import { type ErrorCode, RegistryError } from '../errors.js';

/**
 * What an error says of the operation that ended with it.
 *
 * | outcome | was it carried out? | may it still be, later? | is the server alive? |
 * | --- | --- | --- | --- |
 * | `refused` | no | no | yes |
 * | `unknown` | nobody knows | no | yes |
 * | `unanswered` | nobody knows | yes | nobody knows |
 *
 * `refused` is also what was never sent. Of a write that must not be done twice only `refused` says enough; a sign of life is
 * whatever is not `unanswered`.
 */
export type Outcome = 'refused' | 'unknown' | 'unanswered';

const OUTCOMES: Readonly<Record<ErrorCode, Outcome>> = {
  INVALID_URL: 'refused',
  INVALID_OPTION: 'refused',
  INVALID_PATH: 'refused',
  DUPLICATE_REGISTRATION: 'refused',
  CONTESTED_REGISTRATION: 'refused',
  BACKEND_IN_USE: 'refused',
  NOT_AUTHORIZED: 'refused',
  CLOSED: 'refused',
  TOO_LARGE: 'refused',
  UNREADABLE_NODE: 'refused',
  INVALID_CONFIG: 'refused',
  UNSUPPORTED: 'refused',
  NO_NODE: 'refused',
  NODE_EXISTS: 'refused',
  NOT_EMPTY: 'refused',
  CONFLICT: 'refused',
  VERSION_CONFLICT: 'refused',
  UNREADABLE_VALUE: 'refused',
  NO_INSTANCE: 'refused',
  // The server has failed, perhaps after it did what it was asked for.
  SERVER_ERROR: 'unknown',
  // The session may have ended after the write and before its answer.
  SESSION_EXPIRED: 'unknown',
  OUTCOME_UNKNOWN: 'unknown',
  CONNECTION_LOST: 'unanswered',
  TIMEOUT: 'unanswered',
};

/** The outcome of an operation that ended with an error; of an error that is not ours, nothing is known. */
export function outcomeOf(error: unknown): Outcome {
  return error instanceof RegistryError ? OUTCOMES[error.code] : 'unanswered';
}

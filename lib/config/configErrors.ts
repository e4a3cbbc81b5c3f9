import { RegistryError } from '../errors.js';
import { quoted } from '../internal/quoted.js';
import type { ConfigValue } from './configValue.js';

/** Which version a key must have to be written: that of a value, or none because there is no value. */
export type ExpectedVersion = bigint | 'absent';

/** A key does not have the version that it must have to be written: nothing was. */
export class ConfigConflictError extends RegistryError {
  override name = 'ConfigConflictError';

  /** What the key holds instead: decide anew from it, and try again with its version. */
  readonly current: ConfigValue;

  constructor(current: ConfigValue, expected: bigint | 'absent') {
    super(
      'VERSION_CONFLICT',
      `Expected ${nameOf(current)} to ${expected === 'absent' ? 'hold no value' : `have version ${expected}`}, it ${held(current)}.`,
    );
    this.current = current;
  }
}

/**
 * Whether a conditional write was carried out is not known: the connection broke before the answer came, and then the key had
 * another version – ours, or that of somebody else – or still, or again, none.
 *
 * Contents that no two writers share make it known: look whether yours is in {@link OutcomeUnknownError.current}.
 */
export class OutcomeUnknownError extends RegistryError {
  override name = 'OutcomeUnknownError';

  /** What the key held afterwards. */
  readonly current: ConfigValue;

  constructor(current: ConfigValue, expected: bigint | 'absent') {
    super(
      'OUTCOME_UNKNOWN',
      `The answer to a write of ${nameOf(current)} on ${expected === 'absent' ? 'no value' : `version ${expected}`} was lost: now it ${held(current)}, and whether that has to do with it is not known.`,
    );
    this.current = current;
  }
}

function nameOf({ key, group }: ConfigValue): string {
  return `${quoted(key)} of group ${quoted(group)}`;
}

function held({ version }: ConfigValue): string {
  return version === undefined ? 'holds none' : `has version ${version}`;
}

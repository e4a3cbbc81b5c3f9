import type { InstanceSet } from '../instances/index.js';

/**
 * Turns inputs and the passing of time into a set; it looks at no clock, sets no timer and tells nobody.
 *
 * Methods answer whether there is a set to tell: the first one, or another one than before.
 */
export interface SetMachine<I> {
  /** The set as it is now. */
  readonly set: InstanceSet;
  /** When it wants to be woken, in milliseconds; `undefined` as long as there is nothing to wait for. */
  readonly dueMs?: number | undefined;
  /** Takes an input in. */
  take(input: I, nowMs: number): boolean;
  /** Does what is due; what it waits for next, if anything, is later than now. */
  wake?(nowMs: number): boolean;
  /** There will be no further input: lets go of what was held back. */
  end?(nowMs: number): boolean;
}

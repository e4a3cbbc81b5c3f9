import { milliseconds } from '../internal/options.js';

/** How long closing waits for the server, unless something else is said. */
const DEFAULT_CLOSE_DEADLINE_MS = 5_000;

/**
 * The deadline of a `close`, in milliseconds.
 *
 * @throws InvalidOptionError if it is not a number of milliseconds.
 */
export function closeDeadline(deadlineMs: number | undefined): number {
  return milliseconds('deadlineMs', deadlineMs, DEFAULT_CLOSE_DEADLINE_MS);
}

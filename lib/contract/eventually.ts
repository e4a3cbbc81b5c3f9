import { inspect } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';

/** How {@link eventually} polls. */
export interface EventuallyOptions {
  /** What is waited for, in words, for the error. */
  readonly what?: string;
  readonly withinMs?: number;
  readonly everyMs?: number;
}

type Truthy<T> = Exclude<T, false | null | 0 | ''>;

/**
 * Polls until a check holds: until it does not throw and returns something truthy – or nothing, as a check made of
 * assertions does. The error at the deadline carries the last failure.
 */
export function eventually(check: () => void | Promise<void>, options?: EventuallyOptions): Promise<void>;
export function eventually<T extends NonNullable<unknown> | null>(
  check: () => T | Promise<T>,
  options?: EventuallyOptions,
): Promise<Truthy<T>>;
export async function eventually(check: () => unknown, options: EventuallyOptions = {}): Promise<unknown> {
  const { what = 'the condition', withinMs = 15_000, everyMs = 20 } = options;
  const late = AbortSignal.timeout(withinMs);
  let failure: unknown;
  while (!late.aborted) {
    try {
      const value = await orAbort(check(), late);
      if (value === undefined || value) return value;
      failure = `the check returned ${inspect(value)}`;
    } catch (error) {
      failure = error === late.reason ? (failure ?? 'the check did not answer') : error;
    }
    await sleep(everyMs);
  }
  const last = failure instanceof Error ? failure.message : String(failure);
  throw new Error(`Gave up on ${what} after ${withinMs} ms; last: ${last}`, { cause: failure });
}

async function orAbort<T>(value: T | Promise<T>, signal: AbortSignal): Promise<T> {
  const settled = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { signal: settled.signal });
  });
  try {
    return await Promise.race([value, aborted]);
  } finally {
    settled.abort();
  }
}

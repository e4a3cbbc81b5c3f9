import { formatMs } from './duration.js';
import { describeFlaw, type TraceEntry } from './trace.js';

/** A stream told what it must not: the message says what, when, and after what. */
export class IllegalTraceError extends Error {
  override name = 'IllegalTraceError';

  /** @internal */
  constructor(flaw: string, trace: readonly TraceEntry[]) {
    super(`${flaw}, after ${formatMs(trace.at(-1)?.atMs ?? 0)}:\n${describeFlaw(trace)}`);
  }
}

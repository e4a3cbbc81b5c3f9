import type { MonoTypeOperatorFunction } from 'rxjs';
import { type ConnectionState, isLegalTransition, LEGAL_TRANSITIONS } from '../port/index.js';
import { describeState } from './describeValue.js';
import { type CheckOptions, traced } from './traced.js';

/** How {@link legalStates} checks. */
export interface LegalStatesOptions extends CheckOptions {
  /** Whether the first state must be one that a connection begins with, and not the present one replayed. @defaultValue `false` */
  readonly fromStart?: boolean | undefined;
}

/**
 * Lets connection states through, and errors with an `IllegalTraceError` at the first that may not follow the one before it.
 *
 * ```text
 *  states          --k--c---s---k--
 *  legalStates()   --k--c---s---#      connecting cannot follow suspended
 * ```
 *
 * Holds them to `isLegalTransition`: the table of states, the same session after an interruption, attempts that count up.
 * The message shows the trace up to there, `k` for connecting, `c` connected, `s` suspended, `l` lost, `x` closed.
 *
 * Cold if the source is; begins anew with every subscription. Completes and errors with the source.
 *
 * @example
 * ```ts
 * await lastValueFrom(registry.states.pipe(legalStates())); // rejects if a state is told that must not be
 * ```
 */
export function legalStates(options: LegalStatesOptions = {}): MonoTypeOperatorFunction<ConnectionState> {
  const { fromStart = false } = options;
  return traced(
    () => {
      let last: ConnectionState | undefined;
      let isFirst = !fromStart;
      return (state) => {
        const flaw = isFirst || isLegalTransition(last, state) ? undefined : flawOf(last, state);
        isFirst = false;
        last = state;
        return flaw;
      };
    },
    describeState,
    options,
  );
}

function flawOf(from: ConnectionState | undefined, to: ConnectionState): string {
  if (!from) return `A connection cannot begin ${to.status}`;
  const legal = LEGAL_TRANSITIONS[from.status];
  if (!legal.includes(to.status)) {
    const allowed = legal.length > 0 ? `only ${legal.join(', ')} can` : 'which is final';
    return `${capitalized(to.status)} cannot follow ${from.status}, ${allowed}`;
  }
  if (from.status === 'connecting' && to.status === 'connecting') {
    return `Attempt ${to.attempt} cannot follow attempt ${from.attempt}`;
  }
  return `${capitalized(to.status)} cannot follow ${from.status} with another session`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

import { asyncScheduler, isObservable, type Observable, type SchedulerLike } from 'rxjs';
import { InvalidOptionError } from '../errors.js';
import { milliseconds, optionalFunction, optionsObject } from '../internal/options.js';

/** A registration that can be released, such as a `Provision`. */
export interface Releasable {
  /** Releases it; resolves, or completes, when the registry has acknowledged that. */
  release(): PromiseLike<unknown> | Observable<unknown>;
}

/** Options of `drain`. */
export interface DrainOptions {
  /** The registrations to release first, all at once. */
  readonly provisions: Releasable | Iterable<Releasable>;
  /**
   * The number of calls in flight, beginning with the present one; 0, or completion, means none. Or a function that waits until
   * there are none.
   *
   * @defaultValue the step is left out: `close` waits for the calls
   */
  readonly inFlight?: Observable<number> | (() => PromiseLike<unknown>) | undefined;
  /**
   * Closes the server, after the calls in flight have ended. `signal` is aborted when it is time to close by force, which may be
   * before this is called.
   */
  readonly close?:
    ((context: { readonly signal: AbortSignal }) => void | PromiseLike<unknown> | Observable<unknown>) | undefined;
  /** How long all steps together may take, in milliseconds. @defaultValue 30000 */
  readonly deadlineMs?: number | undefined;
  /**
   * How long to wait for the registry to acknowledge the release, in milliseconds. Without an acknowledgement the next step follows.
   *
   * @defaultValue 5000, or a quarter of `deadlineMs` if that is less
   */
  readonly releaseMs?: number | undefined;
  /**
   * How long consumers take to stop calling after the release, in milliseconds: the slowest counts, with the time that its
   * pipeline holds a removal back.
   *
   * @defaultValue 3000, or a quarter of `deadlineMs` if that is less
   */
  readonly propagationMs?: number | undefined;
  /**
   * How much of `deadlineMs` is reserved for closing by force, in milliseconds.
   *
   * @defaultValue 1000, or a tenth of `deadlineMs` if that is less
   */
  readonly closeMs?: number | undefined;
  /** Stops the drain, which errors with the signal's reason. What is released stays released, and nothing is closed. */
  readonly signal?: AbortSignal | undefined;
  /** Measures all time. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/** All of {@link DrainOptions}, checked. */
export interface DrainSettings {
  readonly provisions: readonly Releasable[];
  readonly inFlight: DrainOptions['inFlight'];
  readonly close: NonNullable<DrainOptions['close']>;
  readonly deadlineMs: number;
  readonly releaseMs: number;
  readonly propagationMs: number;
  readonly closeMs: number;
  readonly signal: AbortSignal | undefined;
  readonly scheduler: SchedulerLike;
}

/**
 * Fills in the defaults.
 *
 * @throws InvalidOptionError
 */
export function drainSettings(options: DrainOptions): DrainSettings {
  const { inFlight, close, signal, scheduler = asyncScheduler } = optionsObject(options, 'an object with provisions');
  if (inFlight !== undefined && typeof inFlight !== 'function' && !isObservable(inFlight)) {
    throw new InvalidOptionError('inFlight', 'an Observable of a number, or a function', inFlight);
  }
  optionalFunction('close', close);
  const deadlineMs = milliseconds('deadlineMs', options.deadlineMs, 30_000);
  const releaseMs = milliseconds('releaseMs', options.releaseMs, Math.min(5_000, deadlineMs / 4));
  const propagationMs = milliseconds('propagationMs', options.propagationMs, Math.min(3_000, deadlineMs / 4));
  const closeMs = milliseconds('closeMs', options.closeMs, Math.min(1_000, deadlineMs / 10));
  const needed = releaseMs + propagationMs + closeMs;
  if (deadlineMs < needed) {
    const sum = `releaseMs + propagationMs + closeMs = ${releaseMs} + ${propagationMs} + ${closeMs} milliseconds`;
    throw new InvalidOptionError('deadlineMs', `at least ${sum}`, deadlineMs);
  }
  const provisions = releasables(options.provisions);
  return {
    provisions,
    inFlight,
    close: close ?? (() => undefined),
    deadlineMs,
    releaseMs,
    propagationMs,
    closeMs,
    signal,
    scheduler,
  };
}

function releasables(provisions: DrainOptions['provisions']): readonly Releasable[] {
  const refuse = (value: unknown): never => {
    throw new InvalidOptionError('provisions', 'what can be released, one or several', value);
  };
  if (typeof provisions !== 'object' || provisions === null) return refuse(provisions);
  const each = new Set(Symbol.iterator in provisions ? provisions : [provisions]);
  for (const provision of each) if (typeof provision?.release !== 'function') return refuse(provision);
  return [...each];
}

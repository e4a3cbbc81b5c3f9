import { asyncScheduler, isObservable, type Observable, type SchedulerLike } from 'rxjs';
import { InvalidOptionError } from '../errors.js';
import { milliseconds, optionalFunction, optionsObject } from '../internal/options.js';

/** What can be taken back, such as a `Provision`. */
export interface Releasable {
  /** Takes it back; resolves, or completes, when that is acknowledged. */
  release(): PromiseLike<unknown> | Observable<unknown>;
}

/** How a provider is taken out: see `drain`. */
export interface DrainOptions {
  /** What is taken back first, all at once. */
  readonly provisions: Releasable | Iterable<Releasable>;
  /**
   * The calls under way: how many there are, beginning with the present number (0, or the end, is none), or a function that
   * waits until there are none.
   *
   * @defaultValue they are left to `close`
   */
  readonly inFlight?: Observable<number> | (() => PromiseLike<unknown>) | undefined;
  /**
   * Closes what served: calls under way are done, no new ones shall come. `signal` is aborted when time is up, perhaps before
   * this is called: then close by force.
   */
  readonly close?:
    ((context: { readonly signal: AbortSignal }) => void | PromiseLike<unknown> | Observable<unknown>) | undefined;
  /** How long everything may take, in milliseconds; calls under way get what the other steps leave. @defaultValue 30000 */
  readonly deadlineMs?: number | undefined;
  /**
   * How long the registry's acknowledgement is waited for, in milliseconds. Without one the drain goes on all the same.
   *
   * @defaultValue 5000, or a quarter of `deadlineMs` if that is less
   */
  readonly releaseMs?: number | undefined;
  /**
   * How long consumers get to hear of it, in milliseconds: as long as the slowest of them, whatever it does with a removal
   * before it believes in it.
   *
   * @defaultValue 3000, or a quarter of `deadlineMs` if that is less
   */
  readonly propagationMs?: number | undefined;
  /**
   * How much of `deadlineMs` is kept for closing by force, in milliseconds.
   *
   * @defaultValue 1000, or a tenth of `deadlineMs` if that is less
   */
  readonly closeMs?: number | undefined;
  /** Gives it up where it stands: errors with the signal's reason. What is taken back stays so, and nothing is closed. */
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
 * Fills in what was not said.
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

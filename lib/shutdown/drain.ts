import {
  catchError,
  concat,
  concatMap,
  defer,
  distinctUntilChanged,
  EMPTY,
  endWith,
  filter,
  from,
  ignoreElements,
  isObservable,
  lastValueFrom,
  map,
  merge,
  type Observable,
  of,
  takeUntil,
  takeWhile,
  tap,
  timer,
} from 'rxjs';
import { RegistryError } from '../errors.js';
import { whenAborted } from '../internal/abort.js';
import { clockOf } from '../internal/clock.js';
import { type DrainOptions, type DrainSettings, drainSettings } from './drainOptions.js';
import type { DrainCut, DrainReport, DrainStep } from './drainStep.js';

/**
 * Shuts a provider down without losing a call: releases its registrations, waits until consumers know, lets calls finish, closes.
 *
 * ```text
 *  registered   ++++----------------------
 *  consumers    call call call             until they are told of the removal
 *  in flight    2-3-2-1-2-1----0
 *  drain()      R--RP--------F-FC----D|    R release, P propagate, F finish, C close, D done
 * ```
 *
 * Cold: each subscription runs all steps; a provision that is released already stays released. It emits each step when it
 * begins and whenever it makes progress. The last step is `done`; its report lists what was cut off. Then it completes, at
 * `deadlineMs` at the latest.
 *
 * - `release` waits up to `releaseMs` for the registry's acknowledgement.
 * - `propagate` takes all of `propagationMs`.
 * - `finish` takes up to what is left of `deadlineMs`, less `closeMs`.
 * - `close` takes the rest. When only `closeMs` is left, its `signal` is aborted: close by force.
 *
 * A step that fails or runs out of time is reported, and the next step follows.
 *
 * Errors only with the reason of `signal`. Unsubscribing stops it: provisions that are released stay released, and no later step runs.
 *
 * @param options - What to shut down, and how long each step may take.
 * @throws {@link InvalidOptionError} if an option is out of range, or `deadlineMs` is less than the times of the steps together.
 *
 * @example
 * ```ts
 * drain({
 *   provisions: provision,
 *   inFlight: requests, // Observable<number>
 *   close: ({ signal }) => closeServer(server, signal),
 * }).subscribe((step) => console.log(step));
 * ```
 */
export function drain(options: DrainOptions): Observable<DrainStep> {
  const settings = drainSettings(options);
  return defer(() => new Drain(settings).steps()).pipe(takeUntil(whenAborted(settings.signal)));
}

/**
 * Does what {@link drain} does and resolves with its report.
 *
 * @param options - What to shut down, and how long each step may take.
 * @returns The report; `cutOff` lists what did not end in time. Rejects with `InvalidOptionError`, or with the reason of `signal`.
 *
 * @example
 * ```ts
 * process.once('SIGTERM', async () => {
 *   const { cutOff } = await drained({ provisions: provision, close: ({ signal }) => closeServer(server, signal) });
 *   for (const { step, cause } of cutOff) console.warn(step, cause);
 *   await registry.close();
 * });
 * ```
 */
export async function drained(options: DrainOptions): Promise<DrainReport> {
  return lastValueFrom(
    drain(options).pipe(
      filter((step) => step.step === 'done'),
      map(({ report }) => report),
    ),
  );
}

/** One run of {@link drain}. */
class Drain {
  readonly #settings: DrainSettings;
  readonly #now: () => number;
  readonly #cutOff: DrainCut[] = [];
  readonly #force = new AbortController();

  constructor(settings: DrainSettings) {
    const clock = clockOf(settings.scheduler);
    const startedAt = clock.now();
    this.#settings = settings;
    this.#now = () => clock.now() - startedAt;
  }

  steps(): Observable<DrainStep> {
    return concat(this.#release(), this.#propagate(), this.#finish(), this.#close(), this.#done());
  }

  #release(): Observable<DrainStep> {
    const { provisions, releaseMs } = this.#settings;
    const waiting = new Set(provisions);
    const told = (): DrainStep => ({
      step: 'release',
      acknowledged,
      of: provisions.length,
      elapsedMs: this.#now(),
    });
    let acknowledged = 0;
    const released = provisions.map((provision) =>
      ended(() => provision.release()).pipe(
        endWith(0),
        map(() => {
          acknowledged += 1;
          return told();
        }),
        catchError((cause: unknown) => {
          this.#cutOff.push({ step: 'release', provision, cause });
          return EMPTY;
        }),
        tap({ complete: () => waiting.delete(provision) }),
      ),
    );
    return concat(
      defer(() => of(told())),
      merge(...released).pipe(
        takeUntil(
          this.#after(releaseMs, () => {
            const cause = timeout(`The registry did not acknowledge the release within ${releaseMs} ms.`);
            for (const provision of waiting) this.#cutOff.push({ step: 'release', provision, cause });
          }),
        ),
      ),
    );
  }

  #propagate(): Observable<DrainStep> {
    const { propagationMs, scheduler } = this.#settings;
    return concat(
      defer(() => of<DrainStep>({ step: 'propagate', propagationMs, elapsedMs: this.#now() })),
      propagationMs > 0 ? timer(propagationMs, scheduler).pipe(ignoreElements()) : EMPTY,
    );
  }

  #finish(): Observable<DrainStep> {
    const { inFlight: source } = this.#settings;
    if (source === undefined) return EMPTY;
    return defer(() => {
      let inFlight: number | undefined;
      const counts: Observable<number | undefined> =
        typeof source === 'function'
          ? concat(of(undefined), ended(source))
          : source.pipe(takeWhile((count) => count > 0, true));
      return counts.pipe(
        distinctUntilChanged(),
        map((count): DrainStep => {
          inFlight = count;
          return { step: 'finish', inFlight, elapsedMs: this.#now() };
        }),
        catchError((cause: unknown) => {
          this.#cutOff.push({ step: 'finish', inFlight, cause });
          return EMPTY;
        }),
        takeUntil(
          this.#after(this.#graceMs, () => {
            const cause = timeout('Calls were still under way when it was time to close.');
            this.#cutOff.push({ step: 'finish', inFlight, cause });
            this.#force.abort(overTime());
          }),
        ),
      );
    });
  }

  #close(): Observable<DrainStep> {
    const { close, deadlineMs } = this.#settings;
    const { signal } = this.#force;
    const cut = (cause: unknown): void => void this.#cutOff.push({ step: 'close', cause });
    const told = (isForced: boolean): DrainStep => ({ step: 'close', isForced, elapsedMs: this.#now() });
    return defer(() => {
      // The step is emitted before the abort: `close` may end at once when it is aborted, and this stream with it.
      const forced = this.#after(this.#graceMs, () =>
        cut(timeout('close() was still running when it was time to close by force.')),
      ).pipe(concatMap(() => concat(of(told(true)), this.#closeByForce())));
      const closed = ended(() => close({ signal })).pipe(
        catchError((cause: unknown) => {
          cut(cause);
          return EMPTY;
        }),
        endWith('closed' as const),
      );
      const overdue = this.#after(deadlineMs - this.#now(), () =>
        cut(timeout('close() was still running at the deadline.')),
      );
      const untilClosed = merge(signal.aborted ? EMPTY : forced, closed).pipe(
        takeWhile((step) => step !== 'closed'),
        tap({ unsubscribe: () => this.#force.abort(overTime()) }),
        takeUntil(overdue),
      );
      return concat(of(told(signal.aborted)), untilClosed);
    });
  }

  #done(): Observable<DrainStep> {
    return defer(() => {
      const elapsedMs = this.#now();
      const cutOff = this.#cutOff;
      return of<DrainStep>({ step: 'done', report: { isComplete: cutOff.length === 0, cutOff, elapsedMs }, elapsedMs });
    });
  }

  #closeByForce(): Observable<never> {
    return defer(() => {
      this.#force.abort(overTime());
      return EMPTY;
    });
  }

  /** The time until the signal of `close` is aborted. */
  get #graceMs(): number {
    const { deadlineMs, closeMs } = this.#settings;
    return Math.max(0, deadlineMs - closeMs - this.#now());
  }

  /** Emits once after `ms`, after it has called `report`. */
  #after(ms: number, report: () => void): Observable<unknown> {
    return timer(Math.max(0, ms), this.#settings.scheduler).pipe(tap(report));
  }
}

/** Completes when the work is done; errors if it fails. */
function ended(work: () => unknown): Observable<never> {
  return defer(() => {
    const result = work();
    return isObservable(result) || isPromiseLike(result) ? from(result) : EMPTY;
  }).pipe(ignoreElements());
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}

function overTime(): RegistryError {
  return timeout('It is time to close by force.');
}

function timeout(message: string): RegistryError {
  return new RegistryError('TIMEOUT', message);
}

import type { Releasable } from './drainOptions.js';

/** A step of a drain that failed or ran out of time. */
export type DrainCut =
  /**
   * The registry did not acknowledge the release of a provision: consumers may still call it. `cause` is the error of
   * `release()`, or a `RegistryError` with the code `TIMEOUT`.
   */
  | { readonly step: 'release'; readonly provision: Releasable; readonly cause: unknown }
  /**
   * Calls were still in flight when it was time to close: `inFlight` of them when last counted, `undefined` if they were not
   * counted. `cause` is a `RegistryError` with the code `TIMEOUT`, or the error of the count.
   */
  | { readonly step: 'finish'; readonly inFlight: number | undefined; readonly cause: unknown }
  /** Closing failed with `cause`; `TIMEOUT` where it had to be forced or did not end by the deadline. */
  | { readonly step: 'close'; readonly cause: unknown };

/** The outcome of a drain. */
export interface DrainReport {
  /** Whether every step ended in time without an error, which means that `cutOff` is empty. */
  readonly isComplete: boolean;
  /** The steps that failed or ran out of time, in order. */
  readonly cutOff: readonly DrainCut[];
  /** How long the drain took, in milliseconds. */
  readonly elapsedMs: number;
}

/** The progress of a drain; `elapsedMs` is the time since it began, in milliseconds. */
export type DrainStep =
  /** The registrations are being released: `acknowledged` of them so far. */
  | {
      readonly step: 'release';
      readonly acknowledged: number;
      readonly of: number;
      readonly elapsedMs: number;
    }
  /** Waiting for `propagationMs`, until consumers know of the release. */
  | { readonly step: 'propagate'; readonly propagationMs: number; readonly elapsedMs: number }
  /** Waiting for the calls in flight; `undefined` where they are not counted. */
  | { readonly step: 'finish'; readonly inFlight: number | undefined; readonly elapsedMs: number }
  /** `close` is running; `isForced` once its signal is aborted. */
  | { readonly step: 'close'; readonly isForced: boolean; readonly elapsedMs: number }
  /** The drain has ended. */
  | { readonly step: 'done'; readonly report: DrainReport; readonly elapsedMs: number };

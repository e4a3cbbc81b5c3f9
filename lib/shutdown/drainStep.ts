import type { Releasable } from './drainOptions.js';

/** What a drain could not do in order. */
export type DrainCut =
  /**
   * A provision whose release the registry did not acknowledge: consumers may have gone on to call. `cause` is what its
   * `release()` failed with, or a `RegistryError` with the code `TIMEOUT`.
   */
  | { readonly step: 'release'; readonly provision: Releasable; readonly cause: unknown }
  /**
   * Calls that were still under way when it was time to close: `inFlight` as it was counted last, `undefined` if nobody
   * counted. `cause` is a `RegistryError` with the code `TIMEOUT`, or what the count failed with.
   */
  | { readonly step: 'finish'; readonly inFlight: number | undefined; readonly cause: unknown }
  /** Closing failed with `cause`, or had to be forced, or was not over by the deadline: `TIMEOUT`. */
  | { readonly step: 'close'; readonly cause: unknown };

/** What came of a drain. */
export interface DrainReport {
  /** Whether everything was done in order: nothing was cut off. */
  readonly isComplete: boolean;
  /** What was cut off, in the order in which it was. */
  readonly cutOff: readonly DrainCut[];
  /** How long it took, in milliseconds. */
  readonly elapsedMs: number;
}

/** Where a drain stands; `elapsedMs` counts from its beginning. */
export type DrainStep =
  /** Being taken back: so many are acknowledged, of so many. */
  | {
      readonly step: 'release';
      readonly acknowledged: number;
      readonly of: number;
      readonly elapsedMs: number;
    }
  /** Consumers are given `propagationMs` to hear of it. */
  | { readonly step: 'propagate'; readonly propagationMs: number; readonly elapsedMs: number }
  /** Calls under way are waited for: so many, `undefined` if nobody counts. */
  | { readonly step: 'finish'; readonly inFlight: number | undefined; readonly elapsedMs: number }
  /** Being closed; `isForced` once time is up. */
  | { readonly step: 'close'; readonly isForced: boolean; readonly elapsedMs: number }
  /** Over. */
  | { readonly step: 'done'; readonly report: DrainReport; readonly elapsedMs: number };

/** A timer is late when the process is busy; what a clock says beyond that is a clock that was set, or a process frozen. */
const LATE_MS = 1_000;

/**
 * Time that passes while a timer runs, read from a clock that may be set.
 *
 * A scheduler's clock is the wall clock, or virtual time in marble specs. Its timers are not led astray by a clock that is
 * set, so the two are checked against each other: time does not go backwards, nor past the timer that has not fired.
 */
export class ElapsedTime {
  #nowMs = 0;
  #readMs: number;
  #dueMs: number | undefined;

  /** @param readMs - What the clock says now, as in all that follows. */
  constructor(readMs: number) {
    this.#readMs = readMs;
  }

  /** What it was when it was last looked at. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** A timer runs that fires when this time is reached. */
  expect(dueMs: number | undefined): void {
    this.#dueMs = dueMs;
  }

  /** The time now. */
  read(readMs: number): number {
    const passed = this.#nowMs + Math.max(0, readMs - this.#readMs);
    this.#readMs = readMs;
    // Where no timer runs nothing depends on how much time has passed.
    const latest = this.#dueMs === undefined ? passed : Math.max(this.#nowMs, this.#dueMs + LATE_MS);
    return (this.#nowMs = Math.min(passed, latest));
  }

  /** The time now that the timer has fired. */
  reach(dueMs: number, readMs: number): number {
    return (this.#nowMs = Math.max(this.read(readMs), dueMs));
  }
}

/** Which way bytes go through the proxy. */
export type Direction = 'toServer' | 'toClient';

/** What a proxy does now to all bytes that go one way. */
export interface Faults {
  /** Latency for bytes that arrive from now on. */
  delayMs: number;
  /** 0 means no limit. */
  bytesPerSecond: number;
  /** How many bytes may still pass before the cut. */
  remaining: number;
  /** How many have passed. */
  passed: number;
}

/** Nothing wrong. */
export function noFaults(): Faults {
  return { delayMs: 0, bytesPerSecond: 0, remaining: Infinity, passed: 0 };
}

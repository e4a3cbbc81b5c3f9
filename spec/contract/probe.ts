import { expect } from 'vitest';

export { ask, bytes, foldDirectory, Probe, Recorder, refusalOf, SOON_MS, text } from '../../lib/contract/probe.js';

/** Stands for any error in what is expected. */
export const AN_ERROR: unknown = expect.any(Error);

import type { Schedule } from './steps.js';

/** Schedules that found a bug, shrunk, by what they are about; see `docs/track-record.md`. */
export const FOUND: Readonly<Record<string, Schedule>> = {};

import { BACKOFF_MAX_MS } from '../recording.js';
import { type Invariant, verdict } from './verdict.js';

/** Attempts that are made at once and in the first, short waits: generously. */
const FIRST = 10;
const ROOM = 2;

/** Nobody tries to connect more often than waits that are drawn evenly up to the longest one allow. */
export const boundedHerd: Invariant = ({ attempts, from, healedAt }) => {
  const allowed = FIRST + (ROOM * (healedAt - from)) / (BACKOFF_MAX_MS / 2);
  const note = `${attempts.toFixed(1)} attempts`;
  const tooMany = attempts > allowed ? [`${note} a client, where ${allowed.toFixed(1)} are many`] : [];
  return verdict(tooMany, { note });
};

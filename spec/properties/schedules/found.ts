import type { Schedule } from './steps.js';

/** Schedules that found a bug, shrunk, by what they are about; see `docs/track-record.md`. */
export const FOUND: Readonly<Record<string, Schedule>> = {
  'no vanish: a node that is deleted again before the answer to its creation arrives': {
    latencyMs: 0,
    reorderMs: 10,
    seed: 0,
    steps: [
      { do: 'register', who: 0, slot: 0, url: 0 },
      { do: 'pass', ms: 100 },
      { do: 'deleteAgain', index: 0, times: 8, everyMs: 5 },
      { do: 'pass', ms: 400 },
    ],
  },
  'no ghost: a registry that closes while a registration moves from a persistent node to an ephemeral one': {
    latencyMs: 0,
    seed: 0,
    steps: [
      { do: 'register', who: 2, slot: 1, url: 6 },
      { do: 'rest' },
      { do: 'move', who: 2, slot: 1, url: 0 },
      { do: 'close', who: 2 },
      { do: 'pass', ms: 0 },
    ],
  },
  'no vanish: a registration that moves on before it knows that it stands, its answer lost': {
    latencyMs: 0,
    seed: 0,
    steps: [
      { do: 'register', who: 2, slot: 0, url: 0 },
      { do: 'move', who: 2, slot: 0, url: 1 },
      { do: 'loseAnswers', count: 1 },
      { do: 'pass', ms: 0 },
    ],
  },
  'liveness: a client that is cut off while a frozen server has its request for a connection': {
    latencyMs: 0,
    seed: 0,
    steps: [
      { do: 'freeze' },
      { do: 'pass', ms: 1_001 },
      { do: 'pass', ms: 1_249 },
      { do: 'cut', who: 0 },
      { do: 'thaw' },
      { do: 'pass', ms: 2_999 },
    ],
  },
};

/** Schedules that chance meets too seldom, each with the safeguard that it is for. */
export const SAFEGUARDS: Readonly<Record<string, Schedule>> = {
  'the owner check: what a dead session left behind is taken over before it goes with it': {
    latencyMs: 3,
    seed: 0,
    steps: [
      { do: 'register', who: 0, slot: 0, url: 0 },
      { do: 'subscribe', who: 1, query: 0, habit: 'calm' },
      { do: 'pass', ms: 100 },
      { do: 'delayCleanup', ms: 3_000 },
      { do: 'expire', who: 0 },
      { do: 'pass', ms: 4_000 },
    ],
  },
};

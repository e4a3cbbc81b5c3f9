import type { Fault } from '../fault.js';
import { followerRestarts, leaderRestarts } from './servers.js';
import { sessionsEnded } from './sessions.js';
import { longBlackHole } from './ways.js';

/** All faults, in the order in which they happen to one population. */
export const FAULTS: readonly Fault[] = [followerRestarts, leaderRestarts, longBlackHole, sessionsEnded];

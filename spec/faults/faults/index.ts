import type { Fault } from '../fault.js';
import { clockJumps, closesInHole, killed, sessionsEnded, stopped } from './processes.js';
import { backlog, compacted } from './revisions.js';
import {
  followerFrozen,
  followerKilled,
  leaderFrozen,
  leaderKilled,
  majorityLostFor5s,
  majorityLostForLong,
  wiped,
} from './servers.js';
import { directoryRemoved, refused, rootRemoved } from './thirdParties.js';
import { bandwidth, cutAnswers, latency, longBlackHoles, resets, shortBlackHoles, unresolvable } from './ways.js';

/** All faults, in the order in which they happen to one population. */
export const FAULTS: readonly Fault[] = [
  followerKilled,
  leaderKilled,
  majorityLostFor5s,
  majorityLostForLong,
  followerFrozen,
  leaderFrozen,
  ...shortBlackHoles,
  ...longBlackHoles,
  resets(20_000),
  cutAnswers,
  latency,
  bandwidth,
  unresolvable,
  sessionsEnded,
  stopped,
  killed,
  clockJumps,
  closesInHole,
  directoryRemoved,
  rootRemoved,
  compacted,
  backlog,
  refused,
  // The last one: nothing is left of what was before.
  wiped,
];

/** Those of them that stand for the rest where time is short. */
export const CUT: readonly Fault[] = [leaderKilled, longBlackHoles[2]!, sessionsEnded, stopped, directoryRemoved];

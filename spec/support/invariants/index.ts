export type { HistoryEvent, Instance } from './history.js';
export type { Finding, Invariant } from './invariant.js';
export { INVARIANTS } from './invariants.js';
export { type Flaw, judge, type Verdict } from './judge.js';
export type { Limits } from './limits.js';
export { Timeline } from './timeline.js';

export { drain, drained } from './drain.js';
export type { DrainOptions, Releasable } from './drainOptions.js';
export type { DrainCut, DrainReport, DrainStep } from './drainStep.js';

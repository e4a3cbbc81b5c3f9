import { boundedHerd } from './boundedHerd.js';
import { boundedLoad } from './boundedLoad.js';
import { cleanShutdown } from './cleanShutdown.js';
import { convergence } from './convergence.js';
import type { Invariant } from './invariant.js';
import { isolation } from './isolation.js';
import { legalEvents } from './legalEvents.js';
import { legalStates } from './legalStates.js';
import { liveness } from './liveness.js';
import { noEmptyPush } from './noEmptyPush.js';
import { noFlap } from './noFlap.js';
import { noGhost } from './noGhost.js';
import { noMissedRemoval } from './noMissedRemoval.js';
import { noVanish } from './noVanish.js';
import { singleRegistration } from './singleRegistration.js';

/** Every promise of the design, each by its name. */
export const INVARIANTS: readonly Invariant[] = [
  convergence,
  noGhost,
  noVanish,
  noMissedRemoval,
  legalEvents,
  noEmptyPush,
  noFlap,
  singleRegistration,
  boundedHerd,
  boundedLoad,
  liveness,
  legalStates,
  cleanShutdown,
  isolation,
];

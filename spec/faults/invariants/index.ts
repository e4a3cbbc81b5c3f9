import { boundedHerd } from './boundedHerd.js';
import { boundedLoad } from './boundedLoad.js';
import { cleanShutdown } from './cleanShutdown.js';
import { convergence } from './convergence.js';
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
import type { Invariant } from './verdict.js';

export type { Invariant, Verdict } from './verdict.js';

/** All that is judged after each fault, by name. */
export const INVARIANTS: Readonly<Record<string, Invariant>> = {
  convergence,
  'no ghost': noGhost,
  'no vanish': noVanish,
  'no missed removal': noMissedRemoval,
  'legal events': legalEvents,
  'no empty push': noEmptyPush,
  'no flap': noFlap,
  'single registration': singleRegistration,
  liveness,
  'legal states': legalStates,
  'bounded herd': boundedHerd,
  'bounded load, no leak': boundedLoad,
  'clean shutdown': cleanShutdown,
  isolation,
};

import type { Figure } from '../harness/figure.js';
import { block } from './block.js';
import { burst } from './burst.js';
import { change } from './change.js';
import { idle } from './idle.js';
import { load } from './load.js';
import { memory } from './memory.js';
import { picks } from './picks.js';
import { pipeline } from './pipeline.js';
import { reassert } from './reassert.js';
import { register } from './register.js';
import { snapshot } from './snapshot.js';
import { subscribers } from './subscribers.js';
import { update } from './update.js';

/** Everything that is measured, in this order. */
export const FIGURES: readonly Figure[] = [
  register,
  reassert,
  snapshot,
  block,
  change,
  update,
  burst,
  subscribers,
  memory,
  idle,
  load,
  pipeline,
  picks,
];

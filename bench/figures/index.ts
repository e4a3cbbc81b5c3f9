import type { Figure } from '../harness/figure.js';
import { change } from './change.js';
import { register } from './register.js';
import { snapshot } from './snapshot.js';

/** Everything that is measured, in this order. */
export const FIGURES: readonly Figure[] = [register, snapshot, change];

/**
 * What an instance is taken to need for a call, in milliseconds, that has a call under way and has never answered one: more
 * than all others, so that it is tried with one call at a time.
 *
 * An instance that nobody has tried and that is idle is taken to be as fast as the others.
 */
export const UNTRIED_MS = 1e9;

/** The least that an instance is taken to need: one that answers at once still feels its load. */
export const LEAST_MS = 1e-3;

export type { CombinedHealth } from './combinedHealth.js';
export type { CombinedRegistrationState, PartRegistrationState } from './combinedRegistration.js';
export type { CombinedState, PartStates } from './combinedStates.js';
export type { CombineOptions } from './combineOptions.js';
export { combineRegistries, type CombinedRegistry } from './combineRegistries.js';

export type { CombinedHealth } from './combinedHealth.js';
export type { CombinedRegistrationState, PartRegistrationState } from './combinedRegistration.js';
export type { CombinedState, PartStates } from './combinedStates.js';
export { combineRegistries, type CombinedRegistry, type CombineOptions } from './combineRegistries.js';

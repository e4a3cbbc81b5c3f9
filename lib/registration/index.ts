export { Claims } from './claims.js';
export { type Action, decide, type Desired, type Observed, type Situation } from './decide.js';
export { register, type RegistrationContext } from './register.js';
export { ReleasedNodes } from './releasedNodes.js';
export type { RegistrationState } from './registrationState.js';

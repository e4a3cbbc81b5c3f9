export type { Applications } from './consuming/applicationDiscovery.js';
export { Consuming, type ConsumingContext } from './levels/consuming.js';
export { LevelWarnings } from './levels/levelWarnings.js';
export { Providing, type ProvidingOptions } from './levels/providing.js';
export type { RegisterMode, RegistrationLevel, RegistrationState } from './levels/registrationState.js';
export { requestMetadata } from './rpc/requestMetadata.js';

export { InstanceLedger } from './instanceLedger.js';
export { type InstanceChange, InstanceSet, type SetOrigin } from './instanceSet.js';
export type { ServiceEvent } from './serviceEvent.js';

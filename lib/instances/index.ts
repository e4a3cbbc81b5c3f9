export { InstanceLedger } from './instanceLedger.js';
export { type InstanceChange, InstanceSet } from './instanceSet.js';
export type { ServiceEvent } from './serviceEvent.js';

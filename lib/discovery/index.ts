export { Discovery } from './discovery.js';
export { InstanceSet } from './instanceSet.js';
export type { ServiceEvent } from './serviceEvent.js';

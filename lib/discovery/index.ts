export { Discovery, type DiscoveryOptions } from './discovery.js';
export { InstanceTable } from './instanceTable.js';

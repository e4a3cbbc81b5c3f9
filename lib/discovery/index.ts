export { Discovery, type DiscoveryOptions, type ViewKind } from './discovery.js';
export { InstanceTable } from './instanceTable.js';

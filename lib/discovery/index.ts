export { Discovery, type DiscoveryOptions, type ViewKind } from './discovery.js';

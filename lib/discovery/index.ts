export { Discovery, type DiscoveryOptions } from './discovery.js';

/**
 * HTTP to services by their names.
 *
 * @module
 */
export { type FetchedService, registryFetch, type RegistryFetch, type RegistryFetchOptions } from './registryFetch.js';

// Without `fileCache`: what is bundled for a browser must not come upon files.
export { copyText } from './copyText.js';
export { KeptCopies, type KeptCopiesOptions, type KeptCopy } from './keptCopies.js';
export { memoryCache, type MemoryCache } from './memoryCache.js';
export { type CacheOptions, checkedCache, type RegistryCache } from './registryCache.js';

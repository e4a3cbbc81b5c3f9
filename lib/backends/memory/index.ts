export { memory, type MemoryOptions } from './memory.js';
export { MemoryServer, memoryServer, type MemoryServerOptions } from './memoryServer.js';

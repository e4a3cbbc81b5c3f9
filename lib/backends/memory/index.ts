export { memory, type MemoryOptions } from './memory.js';
export { MemoryServer, memoryServer, type MemoryServerChange, type MemoryServerOptions } from './memoryServer.js';

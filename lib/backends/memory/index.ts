export { memory, type MemoryOptions } from './memory.js';
export {
  type MemoryBackup,
  type MemoryDirection,
  MemoryServer,
  memoryServer,
  type MemoryServerChange,
  type MemoryServerOptions,
} from './memoryServer.js';

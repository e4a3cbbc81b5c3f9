export { iterate, type IterateBuffer, type IterateOptions } from './iterate.js';

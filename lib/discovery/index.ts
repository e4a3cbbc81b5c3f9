export { Discovery } from './discovery.js';
export { InstanceTable } from './instanceTable.js';

export { Discovery } from './discovery.js';

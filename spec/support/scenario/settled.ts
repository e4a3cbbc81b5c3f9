export { settled } from '../../../lib/contract/settled.js';

export { eventually, type EventuallyOptions } from '../../../lib/contract/eventually.js';

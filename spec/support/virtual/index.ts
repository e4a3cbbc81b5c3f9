export { StatesTrace } from './statesTrace.js';
export { turn, VirtualTime } from './virtualTime.js';
export { BACKOFF_MS, type Inhabitant, pathOf, provider, REST_MS, SERVICE, SESSION_MS, World } from './world.js';
export { refusing } from './refusing.js';

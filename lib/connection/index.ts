export { type Backoff, type BackoffOptions, fullJitter } from './backoff.js';
export { type ConnectionEvent, connectionReducer } from './connectionReducer.js';
export { connect, type ConnectOptions, type Link, type OpenLink } from './connect.js';
export { type CallOptions, KeptConnection } from './keptConnection.js';
export { isFatalError, type RetryOptions, retryWithBackoff } from './retryWithBackoff.js';
export { NotServedError, served } from './served.js';
export { serversInTurn } from './serversInTurn.js';
export { type Role, type SharedBackend, shareBackend } from './sharedBackend.js';
export { whileConnected } from './whileConnected.js';

export { type Backoff, type BackoffOptions, fullJitter } from './connection/backoff.js';
export {
  connect,
  type ConnectOptions,
  isFatalError,
  type Link,
  type OpenLink,
  type RetryOptions,
  retryWithBackoff,
  served,
} from './connection/index.js';
export { checkPath } from './internal/path.js';
export {
  type Backend,
  type BackendWarning,
  type ConnectionState,
  type ConnectionStatus,
  type CreateOptions,
  type DirectoryChange,
  type DirectoryEvent,
  type DirectoryOptions,
  type DirectorySetChange,
  inArrivalOrder,
  isLegalTransition,
  LEGAL_TRANSITIONS,
  type NodeCondition,
  type NodeOperations,
  type NodeState,
  type RegistryNode,
  type Session,
  watchEachDirectory,
} from './port/index.js';

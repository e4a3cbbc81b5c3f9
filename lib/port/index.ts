export type { Backend, BackendWarning } from './backend.js';
export {
  INITIAL_STATUS,
  isLegalTransition,
  LEGAL_TRANSITIONS,
  type ConnectionState,
  type ConnectionStatus,
} from './connectionState.js';
export { type DirectoryEvent, type DirectorySetChange, watchEachDirectory } from './directories.js';
export { inArrivalOrder } from './inArrivalOrder.js';
export { NodeExistsError } from './nodeExistsError.js';
export type {
  CreateOptions,
  DirectoryChange,
  DirectoryOptions,
  NodeCondition,
  NodeOperations,
  NodeState,
  RegistryNode,
  Session,
} from './session.js';

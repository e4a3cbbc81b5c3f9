export type { Backend, BackendWarning } from './backend.js';
export {
  INITIAL_STATUS,
  isLegalTransition,
  LEGAL_TRANSITIONS,
  type ConnectionState,
  type ConnectionStatus,
} from './connectionState.js';
export { inArrivalOrder } from './inArrivalOrder.js';
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

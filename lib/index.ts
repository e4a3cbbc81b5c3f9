export { fileCache, type FileCacheOptions } from './cache/fileCache.js';
export { type CacheOptions, memoryCache, type MemoryCache, type RegistryCache } from './cache/index.js';
export {
  type CombinedRegistrationState,
  type CombinedHealth,
  type CombinedRegistry,
  type CombinedState,
  type CombineOptions,
  combineRegistries,
  type PartRegistrationState,
  type PartStates,
} from './combined/index.js';
export type { ConfigSource } from './config/configSource.js';
export type {
  ConfigCenter,
  ConfigCenterOptions,
  ConfigKeyOptions,
  ConfigWarning,
  GetConfigOptions,
  PublishConfigOptions,
  RemoveConfigOptions,
} from './config/configCenter.js';
export { ConfigConflictError, OutcomeUnknownError } from './config/configErrors.js';
export type { AbsentConfigValue, ConfigValue, PresentConfigValue } from './config/configValue.js';
export { type BackoffOptions, type CallOptions, type ConnectionHealth, whileConnected } from './connection/index.js';
export { createConfigCenter } from './createConfigCenter.js';
export { createRegistry } from './createRegistry.js';
export {
  CATEGORIES,
  instanceKey,
  type ServiceQuery,
  ServiceUrl,
  type ServiceUrlChanges,
  type ServiceUrlParameters,
  type ServiceUrlParts,
} from './dubbo/index.js';
export {
  DuplicateRegistrationError,
  ERROR_CODES,
  type ErrorCode,
  InvalidConfigError,
  InvalidOptionError,
  InvalidUrlError,
  NoInstanceError,
  RegistryError,
  UnreadableNodeError,
} from './errors.js';
export { type InstanceChange, InstanceSet, type ServiceEvent, type SetOrigin } from './instances/index.js';
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
  type NodeCondition,
  type NodeOperations,
  type NodeState,
  type RegistryNode,
  type Session,
} from './port/index.js';
export { iterate, type IterateBuffer, type IterateOptions } from './interop/index.js';
export type { RegistrationState } from './registration/index.js';
export type {
  LookupOptions,
  Provision,
  Registry,
  RegistryOptions,
  RegistryWarning,
  SubscribeOptions,
  SyncedEvent,
} from './registry.js';
export type { RegistryHealth } from './registryHealth.js';
export type { RegistryPicker, RegistryPickerOptions } from './registryPicker.js';
export {
  drain,
  drained,
  type DrainCut,
  type DrainOptions,
  type DrainReport,
  type DrainStep,
  type Releasable,
} from './shutdown/index.js';
export { VERSION } from './version.js';

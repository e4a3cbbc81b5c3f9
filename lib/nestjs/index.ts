/**
 * A registry as a module of NestJS.
 *
 * @module
 */
export type { Announced, RegistryModuleAsyncOptions, RegistryModuleOptions } from './moduleOptions.js';
export { RegistryHealth, type RegistryHealthResult } from './registryHealth.js';
export { type PickerFeature, RegistryModule } from './registryModule.js';
export { InjectPicker, InjectRegistry, pickerToken, REGISTRY } from './tokens.js';

export type { ConfigSource } from './configSource.js';
export type { AbsentConfigValue, ConfigValue, PresentConfigValue } from './configValue.js';

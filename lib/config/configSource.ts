import type { Observable } from 'rxjs';
import type { ConfigValue } from './configValue.js';

/** Where values can be followed: a configuration centre, or whatever stands in for one in a test. */
export interface ConfigSource {
  /** Emits what the key holds, absent included, and again whenever that changes; never errors for a passing fault. */
  watch(key: string, options?: { readonly group?: string }): Observable<ConfigValue>;
}

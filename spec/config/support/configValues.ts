import { type Observable, of } from 'rxjs';
import type { ConfigSource, ConfigValue } from '../../../lib/config/index.js';

/** A value with that content; without any, absent. */
export function valueOf(content?: string, key = 'a.key'): ConfigValue {
  return content === undefined
    ? { present: false, key, group: 'dubbo', content: undefined, version: undefined }
    : { present: true, key, group: 'dubbo', content, version: 1n };
}

/** A configuration centre that says what is in a record, and of every other key that it holds nothing. */
export function sourceOf(values: Readonly<Record<string, Observable<ConfigValue>>> = {}): ConfigSource {
  return { watch: (key) => values[key] ?? of(valueOf(undefined, key)) };
}

import { of } from 'rxjs';
import type { InvalidConfigError } from '../errors.js';
import { debugLog } from '../internal/debug.js';

/** Told of what cannot be used; if it throws, that is reported like an error in any RxJS handler and harms no stream. */
export type OnInvalidConfig = (error: InvalidConfigError) => void;

const log = debugLog('config');

/** Reports to who wants to know, or else to the debug log. */
export function reporter(onInvalid: OnInvalidConfig | undefined): OnInvalidConfig {
  if (!onInvalid) return ({ message }) => log('%s', message);
  // A subscription of its own: RxJS rethrows later what a handler throws.
  return (error) => void of(error).subscribe(onInvalid);
}

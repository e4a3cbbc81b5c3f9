import createDebug from 'debug';

/** A logger, and whether anybody listens. */
export interface DebugLog {
  (format: string, ...values: unknown[]): void;
  readonly enabled: boolean;
}

/**
 * A `debug` logger of this package, `rx-registry:<area>`, that costs one comparison when it is off.
 *
 * What comes from the registry or a user is quoted by the caller, see `quoted`.
 */
export function debugLog(area: string): DebugLog {
  const log = createDebug(`rx-registry:${area}`);
  const write = (format: string, ...values: unknown[]): void => {
    if (log.enabled) log(format, ...values);
  };
  return Object.defineProperty(write, 'enabled', { get: () => log.enabled }) as DebugLog;
}

import createDebug from 'debug';

/**
 * A `debug` logger of this package, `rx-registry:<area>`, that costs one comparison when it is off.
 *
 * What comes from the registry or a user is quoted by the caller, see `quoted`.
 */
export function debugLog(area: string): (format: string, ...values: unknown[]) => void {
  const log = createDebug(`rx-registry:${area}`);
  return (format, ...values) => {
    if (log.enabled) log(format, ...values);
  };
}

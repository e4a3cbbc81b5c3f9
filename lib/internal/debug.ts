import createDebug from 'debug';

/**
 * A `debug` logger of this package, `rx-registry:<area>`, that costs one comparison when it is off.
 *
 * What comes from the registry or a user goes through `%j`-like quoting by the caller (see {@link quoted}), so that no
 * name can write a line of its own into a log.
 */
export function debugLog(area: string): (format: string, ...values: unknown[]) => void {
  const log = createDebug(`rx-registry:${area}`);
  return (format, ...values) => {
    if (log.enabled) log(format, ...values);
  };
}

/** A text from outside as it may stand in a log or message: quoted, escaped and cut to a bearable length. */
export function quoted(text: string, longest = 200): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  // JSON leaves DEL and the C1 controls alone, which terminals obey.
  return JSON.stringify(cut).replace(/[\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

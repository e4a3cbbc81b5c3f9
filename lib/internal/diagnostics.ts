import type { DiagnosticChannelName, DiagnosticMessages } from './diagnosticMessages.js';

/** A channel of `node:diagnostics_channel`, as far as this package publishes on it. */
export interface DiagnosticChannel<T> {
  /** Whether anybody listens: nothing is made up for nobody. */
  readonly hasSubscribers: boolean;
  publish(message: T): void;
}

/** Where there is no Node.js nobody listens. */
const NONE: DiagnosticChannel<unknown> = { hasSubscribers: false, publish: () => undefined };

/**
 * The channel of that name.
 *
 * Nothing of Node.js is imported, so that what runs in a browser can be bundled for one.
 */
export function diagnosticChannel<N extends DiagnosticChannelName>(name: N): DiagnosticChannel<DiagnosticMessages[N]> {
  const { process } = globalThis as { process?: NodeJS.Process | undefined };
  return process?.getBuiltinModule?.('node:diagnostics_channel').channel(name) ?? NONE;
}

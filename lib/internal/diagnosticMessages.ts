/**
 * What is published on each channel of `node:diagnostics_channel`, for whoever measures or traces a process.
 *
 * Messages are plain values without secrets. Nothing is made up while nobody listens to a channel. A listener is called at once,
 * where it happens: it should only take note. Names and members are stable; members may be added.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 * import type { DiagnosticMessages } from 'rx-registry';
 *
 * subscribe('rx-registry:connection', (message) => {
 *   const { owner, status } = message as DiagnosticMessages['rx-registry:connection'];
 *   console.log(owner, status);
 * });
 * ```
 */
export interface DiagnosticMessages {
  /** A registry or configuration centre has entered a state of its connection. */
  readonly 'rx-registry:connection': {
    /** `registry` or `configuration centre`. */
    readonly owner: string;
    /** The kind of backend: `zookeeper`. */
    readonly backend: string;
    /** A `ConnectionStatus`. */
    readonly status: string;
    /** Counted from 1, while it is `connecting`. */
    readonly attempt?: number;
    /** The id of the session, while there is one. */
    readonly session?: string;
    readonly cause?: Error;
  };
  /** A registration has entered a state. */
  readonly 'rx-registry:registration': {
    /** The status of a `RegistrationState`. */
    readonly status: string;
    /** The instance: see `instanceKey`. */
    readonly key: string;
    readonly service: string;
    readonly cause?: Error;
  };
  /** What a directory has is known to have changed; the first time, all that is there counts as added. */
  readonly 'rx-registry:directory': {
    readonly path: string;
    /** How many came, how many went, and how many there are now that can be read. */
    readonly added: number;
    readonly removed: number;
    readonly size: number;
  };
  /** An operation that failed is tried again after a wait. */
  readonly 'rx-registry:retry': {
    readonly error: unknown;
    /** Counted from 1. */
    readonly attempt: number;
    readonly waitMs: number;
  };
  /** A warning, as `warnings` tells it. */
  readonly 'rx-registry:warning': {
    /** `registry` or `config`. */
    readonly area: string;
    readonly code: string;
    readonly message: string;
    readonly count: number;
  };
  /** A call that a picker made, or that a `CallMeter` counted, is over. */
  readonly 'rx-registry:call': {
    /** The instance: see `instanceKey`. */
    readonly key: string;
    readonly result: 'ok' | 'failed' | 'cancelled';
    readonly latencyMs: number;
    /** How many calls to it go on. */
    readonly inFlight: number;
  };
}

/** The name of a channel: a key of {@link DiagnosticMessages}. */
export type DiagnosticChannelName = keyof DiagnosticMessages;

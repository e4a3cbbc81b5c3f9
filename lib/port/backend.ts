import type { Observable, SchedulerLike } from 'rxjs';
import type { ConnectionState } from './connectionState.js';

/** A problem that a backend works around or keeps trying to; what is built on the backend passes it on as a warning. */
export interface BackendWarning {
  /** `NOT_SERVED`: servers accept connections and do not answer the first request. */
  readonly code: 'NOT_SERVED';
  readonly message: string;
  readonly path?: string;
  readonly cause?: unknown;
}

/**
 * A registry server, or several that are one, as the rest of the package sees it.
 *
 * This and `Session` are all that a backend supplies; everything that is Dubbo's or a policy stands above it, once.
 */
export interface Backend {
  /** The kind of backend, for logs: `memory`, `zookeeper`. */
  readonly name: string;

  /** Measures its time: what is built on the backend waits on the same one. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike;

  /**
   * Which registry it is, without secrets and the same in every process: a cache tells by it what it may be used for.
   *
   * @defaultValue `name`, so that all backends of that kind are one registry
   */
  readonly identity?: string;

  /** How many bytes of child names in one directory are too many for other clients. @defaultValue no limit */
  readonly largeDirectoryBytes?: number;

  /**
   * The state of the connection.
   *
   * Hot and shared; the current state is replayed. The first subscriber connects, the last one's leaving closes the
   * session. It goes on by itself for ever, completes after `closed`, and errors only for what can never succeed
   * (`NOT_AUTHORIZED`).
   */
  readonly states: Observable<ConnectionState>;

  /** Problems that `states` does not tell, or not at once. Hot; replays nothing; never errors. @defaultValue none */
  readonly warnings?: Observable<BackendWarning>;

  /**
   * Ends the session and the connection for good, in whatever state they are; `states` tells `closed` and completes.
   *
   * Resolves when the server acknowledged the session's end, or at the latest after `deadlineMs`; at once where there is no
   * connection to say it on, and the session is left to expire. Never rejects.
   */
  close(deadlineMs?: number): Promise<void>;
}

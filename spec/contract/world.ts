import type { Backend, Session } from '../../lib/port/index.js';

/** One client program of a {@link World}, with a network link of its own. */
export interface WorldClient {
  readonly backend: Backend;
  /** Breaks its link and keeps it from coming back; the session, if it has one, tells which link that is. */
  cut(session?: Session): void;
  /** Swallows everything on its link without a sign. */
  blackHole(session?: Session): void;
  /** Ends both. */
  heal(): void;
}

/** A registry server with everything that operators, third parties and networks do to it. */
export interface World extends AsyncDisposable {
  /** The shortest session timeout worth using, granted as asked, in milliseconds. */
  readonly shortTimeoutMs: number;
  /** One that nothing but a fault outlives. */
  readonly longTimeoutMs: number;
  /** Makes a client with a session timeout. */
  client(sessionTimeoutMs: number): Promise<WorldClient>;
  /** Ends a session as the server does when it hears nothing. */
  expire(session: Session): Promise<void>;
  /** Whether the server has the session. */
  knows(session: Session): Promise<boolean>;
  /** How many watches the server holds. */
  watches(): Promise<number>;

  // What a third party does.

  /** Makes a persistent node, with its parents. */
  create(path: string, data?: string): Promise<void>;
  write(path: string, data: string): Promise<void>;
  remove(path: string): Promise<void>;
  removeTree(path: string): Promise<void>;
  read(path: string): Promise<{ readonly data: string; readonly owner: string | undefined } | undefined>;
}

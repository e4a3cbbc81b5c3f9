import type { Backend, Session } from '../port/index.js';

/** One client program of a {@link ContractServer}, with a network connection of its own. */
export interface ContractClient {
  /** Its backend: the one under test. */
  readonly backend: Backend;
  /** Breaks its connection, and refuses new ones until `heal`. The session, if it has one, is given. */
  cut(session?: Session): void;
  /** Loses everything it sends and receives, and leaves the connection open, until `heal`. */
  blackHole(session?: Session): void;
  /** Ends `cut` and `blackHole`. */
  heal(): void;
}

/**
 * A registry server that the contract runs against: the clients under test, and everything that operators, other programs and
 * the network do to it.
 *
 * Only `client` uses the backend. All else asks the server by other means, so that a backend cannot agree with itself.
 */
export interface ContractServer {
  /** The shortest session timeout that is granted as asked, in milliseconds: many cases wait for it to pass. */
  readonly shortTimeoutMs: number;
  /** A session timeout that does not pass within a case, granted as asked, in milliseconds. */
  readonly longTimeoutMs: number;
  /** Makes a client whose backend asks for a session timeout in milliseconds. Its waits between attempts should be short. */
  client(sessionTimeoutMs: number): Promise<ContractClient>;
  /** Ends a session, as the server does with one that has been silent for its timeout. */
  expire(session: Session): Promise<void>;
  /** Whether the server has the session. */
  knows(session: Session): Promise<boolean>;
  /** How many watches the server holds, of all clients. */
  watches(): Promise<number>;
  /** Makes a persistent node, with its parents. */
  create(path: string, data?: string): Promise<void>;
  /** Replaces the content of a node. */
  write(path: string, data: string): Promise<void>;
  /** Removes a node. */
  remove(path: string): Promise<void>;
  /** Removes a node and all below it. */
  removeTree(path: string): Promise<void>;
  /** Reads a node; `undefined` where there is none. */
  read(path: string): Promise<{ readonly data: string; readonly owner: string | undefined } | undefined>;
}

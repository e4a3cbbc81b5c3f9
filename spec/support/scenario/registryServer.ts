import type { Backend, Session } from '../../../lib/index.js';
import type { RealServer } from '../servers/realServer.js';

/** A node as the server holds it. */
export interface HeldNode {
  readonly path: string;
  /** The last part of the path. */
  readonly name: string;
  readonly data: Buffer;
  /** The name of the session that it goes with, one of {@link RegistryServer.ownersOf}; undefined if it stays for good. */
  readonly owner: string | undefined;
  /** When it was made, and last written to, in the order of all that happens on the server. */
  readonly made: bigint;
  readonly written: bigint;
  /** How often it was written to since it was made. */
  readonly writes: number;
}

/** How {@link RegistryServer.backend} connects. */
export interface BackendOptions {
  readonly sessionTimeoutMs?: number | undefined;
  readonly reconnect?: { readonly baseMs?: number | undefined; readonly maxMs?: number | undefined } | undefined;
}

/** A client of another make: a provider of the same name that was here before us. */
export interface Stranger {
  /** What the server calls its session. */
  readonly id: string;
  /** Makes a node that goes with the session, and the directories above it. */
  hold(path: string, data?: string): Promise<void>;
  /** Says no more, as a process does that dies: the session ends when the server has waited long enough. */
  abandon(): void;
  /** Ends the session. */
  leave(): Promise<void>;
}

/**
 * A real registry server with all that operators and third parties do to it: the same for every kind.
 *
 * What it says and does goes through clients that share no code with what is judged. What is done without waiting for one
 * thing before the next is done in that order.
 */
export interface RegistryServer extends RealServer {
  /** What addresses of it begin with. */
  readonly scheme: string;
  /** How many bytes are just too many for one node. */
  readonly tooManyBytes: number;
  /** Makes one of our backends on some address. */
  readonly backend: (servers: string, options?: BackendOptions) => Backend;

  /** Ends a session of ours, behind its back; resolves when the server has forgotten it. */
  expire(session: Session): Promise<void>;
  /** The sessions that it has, connected or not. */
  sessions(): Promise<readonly string[]>;
  /** The names that a session's nodes carry as their owner. */
  ownersOf(session: Session): readonly string[];
  /** Opens a session for somebody else. */
  stranger(sessionTimeoutMs: number): Promise<Stranger>;

  /** Reads a node. */
  node(path: string): Promise<HeldNode | undefined>;
  /** The children of a directory, sorted by name; none if there is no such directory. */
  children(directory: string): Promise<HeldNode[]>;
  /** Their names alone. */
  names(directory: string): Promise<string[]>;
  /** Makes a node that stays for good, and the directories above it. */
  create(path: string, data?: string): Promise<void>;
  /** Makes a node of any bytes in a directory that is there; returns whether the server takes them for a name. */
  createBytes(directory: string, name: Buffer, data?: Buffer): Promise<boolean>;
  write(path: string, data: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Removes a node, if there is one, with all below it. */
  removeTree(path: string): Promise<void>;

  /** How many watches it holds. */
  watches(): Promise<number>;
  /** All that it holds for its clients, by kind. */
  load(): Promise<Record<string, number>>;
}

/** Starts a server of one kind. */
export type StartRegistryServer = () => Promise<RegistryServer>;

/** What a ZooKeeper session is known by. */
export interface Credentials {
  readonly id: Uint8Array;
  readonly password: Uint8Array;
}

/** Work that each client here does in the way its users would write it. */
export interface BenchClient {
  /** Connects; resolves when in session. */
  connect(address: string, sessionTimeoutMs: number): Promise<void>;
  /** Announces providers, all at once; resolves when the server has acknowledged the last one. */
  register(service: string, urls: readonly string[]): Promise<void>;
  /** Who is there now, decoded: how many. */
  list(service: string): Promise<number>;
  /** Keeps a decoded list of who is there, and tells its size whenever it is a new one. */
  follow(service: string, onList: (size: number) => void): Promise<void>;
  /** What takes the session over, so that somebody else can end it; nothing where sessions are leases. */
  credentials(): Credentials | undefined;
  /** Resolves when a session has been lost and everything is announced anew; `onBegun` is called when the new one begins. */
  reasserted?(onBegun: () => void): Promise<void>;
  /** Leaves; what was announced is gone then, and no part of what is measured. */
  close(): Promise<void>;
}

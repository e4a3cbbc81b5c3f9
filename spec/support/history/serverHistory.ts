/** One thing that happened to one node. */
export interface NodeChange {
  readonly type: 'put' | 'delete';
  readonly path: string;
  /** What the node belongs to: a session of ZooKeeper, a lease of etcd; undefined if it stays for good, or goes. */
  readonly owner?: string;
}

/** What the server did in one step, as nobody can have seen only a part of it. */
export interface ServerChange {
  /** When, on the machine's monotonic clock. */
  readonly at: number;
  /** What the server calls the step: a transaction id, a revision. */
  readonly revision: bigint;
  readonly changes: readonly NodeChange[];
}

/** Everything that a cluster of servers did, in its order, from the beginning on: told by the servers, not by clients. */
export interface ServerHistory {
  /** All that is known so far: the same array, which grows, unless something came to light that belongs before its end. */
  readonly changes: readonly ServerChange[];
  /** Takes in what has happened since; resolves when all that was committed before the call is known. */
  refresh(): Promise<void>;
  /** Begins anew with servers that are down and about to lose all their data: every node there was is gone in one step. */
  wiped(): Promise<void>;
  close(): Promise<void>;
}

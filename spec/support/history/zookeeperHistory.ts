import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../servers/eventually.js';
import { monotonicMs } from './monotonic.js';
import type { NodeChange, ServerChange, ServerHistory } from './serverHistory.js';
import { type LoggedTransaction, readTransactions } from './transactionLog.js';

/** A ZooKeeper server of an ensemble, as its history needs it. */
export interface LoggingServer {
  /** Where its data is. */
  readonly dataFolder: string;
  command(word: string, timeoutMs?: number): Promise<string>;
}

/**
 * What a ZooKeeper ensemble did, from the transaction logs of its servers.
 *
 * A transaction has happened when a majority has logged it: one that only a former leader has is undone when it returns.
 */
export class ZooKeeperHistory implements ServerHistory {
  readonly #servers: readonly LoggingServer[];
  readonly #all: ServerChange[] = [];
  #positions = new Map<string, number>();
  /** How many servers have logged a transaction of which the history does not tell yet. */
  #logged = new Map<bigint, { readonly transaction: LoggedTransaction; readonly servers: Set<LoggingServer> }>();
  #last = 0n;
  #present = new Map<string, string | undefined>();

  constructor(servers: readonly LoggingServer[]) {
    this.#servers = servers;
  }

  get changes(): readonly ServerChange[] {
    return this.#all;
  }

  async refresh(): Promise<void> {
    const committed = await this.#committed();
    await eventually(
      async () => {
        await this.#read();
        return committed <= this.#seen;
      },
      { what: `transaction 0x${committed.toString(16)} in the logs` },
    );
  }

  async wiped(): Promise<void> {
    await this.#read();
    const gone: NodeChange[] = [...this.#present.keys()].map((path) => ({ type: 'delete', path }));
    this.#all.push({ at: monotonicMs(), revision: this.#last, changes: gone });
    this.#present = new Map();
    this.#positions = new Map();
    this.#logged = new Map();
    this.#last = 0n;
    this.#seen = 0n;
  }

  async close(): Promise<void> {}

  /** The last transaction that was read, of whatever kind. */
  #seen = 0n;

  /** The last transaction that the servers speak of, those that are there. */
  async #committed(): Promise<bigint> {
    const reports = await Promise.all(this.#servers.map((server) => server.command('srvr', 1_000).catch(() => '')));
    const zxids = reports.map((report) => BigInt(/Zxid: (0x[0-9a-f]+)/.exec(report)?.[1] ?? '0x0'));
    // Followers know of it by then, too, and a new leader counts from a number that stands for no transaction.
    return zxids.reduce(
      (least, zxid) => (zxid !== 0n && (zxid & 0xffffffffn) !== 0n && zxid > least ? zxid : least),
      0n,
    );
  }

  async #read(): Promise<void> {
    for (const server of this.#servers) {
      const folder = join(server.dataFolder, 'version-2');
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith('log.'));
      for (const name of names) await this.#readFile(server, join(folder, name));
    }
    this.#take();
  }

  async #readFile(server: LoggingServer, file: string): Promise<void> {
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    const { transactions, next } = readTransactions(bytes, this.#positions.get(file));
    this.#positions.set(file, next);
    for (const transaction of transactions) {
      const { zxid } = transaction;
      if (zxid <= this.#last) continue;
      const logged = this.#logged.get(zxid) ?? { transaction, servers: new Set() };
      logged.servers.add(server);
      this.#logged.set(zxid, logged);
    }
  }

  #take(): void {
    const majority = this.#servers.length / 2;
    const sorted = [...this.#logged.keys()].sort((a, b) => (a < b ? -1 : 1));
    const offset = monotonicMs() - Date.now();
    for (const zxid of sorted) {
      const { transaction, servers } = this.#logged.get(zxid)!;
      if (servers.size <= majority) continue;
      this.#logged.delete(zxid);
      this.#last = zxid;
      if (zxid > this.#seen) this.#seen = zxid;
      const changes = this.#withEnded(transaction);
      if (changes.length > 0) this.#all.push({ at: transaction.timeMs + offset, revision: zxid, changes });
    }
    for (const zxid of sorted) if (zxid < this.#last) this.#logged.delete(zxid);
  }

  #withEnded({ changes }: LoggedTransaction): readonly NodeChange[] {
    for (const { type, path, owner } of changes) {
      if (type === 'put') this.#present.set(path, owner);
      else this.#present.delete(path);
    }
    return changes;
  }
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../servers/eventually.js';
import { monotonicMs } from './monotonic.js';
import type { NodeChange, ServerChange, ServerHistory } from './serverHistory.js';
import { readTransactions } from './transactionLog.js';

/** A ZooKeeper server of an ensemble, as its history needs it. */
export interface LoggingServer {
  /** Where its data is. */
  readonly dataFolder: string;
  command(word: string, timeoutMs?: number): Promise<string>;
}

const REST_MS = 30_000;

/**
 * What a ZooKeeper ensemble did, from the transaction logs of its servers.
 *
 * Read when all of them are one ensemble: what only a former leader had logged has been taken out of its log by then. Not
 * every server logs everything – who catches up with a leader may keep a snapshot instead – so it is all their logs together.
 */
export class ZooKeeperHistory implements ServerHistory {
  readonly #servers: readonly LoggingServer[];
  /** What was before the servers lost their data. */
  #before: readonly ServerChange[] = [];
  #changes: ServerChange[] = [];
  readonly #read = new Map<string, number>();
  readonly #steps = new Map<bigint, ServerChange>();
  #last = 0n;

  constructor(servers: readonly LoggingServer[]) {
    this.#servers = servers;
  }

  get changes(): readonly ServerChange[] {
    return this.#changes;
  }

  async refresh(): Promise<void> {
    const committed = await eventually(() => this.#committed(), { what: 'one ensemble', withinMs: REST_MS });
    await eventually(
      async () => {
        await this.#readLogs();
        return committed <= this.#last;
      },
      { what: `transaction 0x${committed.toString(16)} in the logs` },
    );
  }

  async wiped(): Promise<void> {
    const present = new Set<string>();
    for (const { type, path } of this.#changes.flatMap(({ changes }) => changes)) {
      if (type === 'put') present.add(path);
      else present.delete(path);
    }
    const gone: NodeChange[] = [...present].map((path) => ({ type: 'delete', path }));
    this.#before = [...this.#changes, { at: monotonicMs(), revision: this.#last, changes: gone }];
    this.#changes = [...this.#before];
    this.#read.clear();
    this.#steps.clear();
    this.#last = 0n;
  }

  async close(): Promise<void> {}

  /** The last transaction of an ensemble in which each has its part; null while they are none. */
  async #committed(): Promise<bigint | null> {
    const reports = await Promise.all(this.#servers.map((server) => server.command('srvr', 1_000)));
    const leaders = reports.filter((report) => report.includes('Mode: leader'));
    const followers = reports.filter((report) => report.includes('Mode: follower'));
    if (leaders.length !== 1 || leaders.length + followers.length < this.#servers.length) return null;
    const zxid = BigInt(/Zxid: (0x[0-9a-f]+)/.exec(leaders[0]!)![1]!);
    // A new leader begins with a number that stands for no transaction.
    return (zxid & 0xffffffffn) === 0n ? this.#last : zxid;
  }

  async #readLogs(): Promise<void> {
    const offset = monotonicMs() - Date.now();
    const known = this.#last;
    let isAppended = true;
    const news: ServerChange[] = [];
    for (const server of this.#servers) {
      const folder = join(server.dataFolder, 'version-2');
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith('log.'));
      for (const file of names.map((name) => join(folder, name))) {
        const { transactions, next } = readTransactions(await readFile(file), this.#read.get(file));
        this.#read.set(file, next);
        for (const { zxid, timeMs, changes } of transactions) {
          if (this.#steps.has(zxid)) continue;
          const step = { at: timeMs + offset, revision: zxid, changes };
          this.#steps.set(zxid, step);
          if (zxid < known) isAppended = false;
          if (zxid > this.#last) this.#last = zxid;
          news.push(step);
        }
      }
    }
    const sorted = (steps: Iterable<ServerChange>) => [...steps].sort((a, b) => (a.revision < b.revision ? -1 : 1));
    if (isAppended) this.#changes.push(...sorted(news));
    else this.#changes = [...this.#before, ...sorted(this.#steps.values())];
  }
}

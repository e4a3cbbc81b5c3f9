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
const EPOCH_BITS = 32n;

interface Logged {
  readonly step: ServerChange;
  readonly by: Set<LoggingServer>;
}

/**
 * What a ZooKeeper ensemble did, from the transaction logs of its servers.
 *
 * A transaction counts if a majority has logged it, or the leader of the next epoch: that one has everything that was
 * acknowledged before it, and brings the others up without their logging it. What only a deposed leader has never happened.
 */
export class ZooKeeperHistory implements ServerHistory {
  readonly #servers: readonly LoggingServer[];
  /** What was before the servers lost their data. */
  #before: readonly ServerChange[] = [];
  #changes: ServerChange[] = [];
  readonly #read = new Map<string, number>();
  readonly #logged = new Map<bigint, Logged>();
  /** Who led in which epoch, as far as that was seen. */
  readonly #leaders = new Map<bigint, LoggingServer>();
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
    await this.#readLogs();
    const present = new Set<string>();
    for (const { type, path } of this.#changes.flatMap(({ changes }) => changes)) {
      if (type === 'put') present.add(path);
      else present.delete(path);
    }
    const gone: NodeChange[] = [...present].map((path) => ({ type: 'delete', path }));
    this.#before = [...this.#changes, { at: monotonicMs(), revision: this.#last, changes: gone }];
    this.#changes = [...this.#before];
    this.#read.clear();
    this.#logged.clear();
    this.#leaders.clear();
    this.#last = 0n;
  }

  async close(): Promise<void> {}

  /** The last transaction of an ensemble in which each has its part; null while they are none. */
  async #committed(): Promise<bigint | null> {
    const reports = await Promise.all(this.#servers.map((server) => server.command('srvr', 1_000)));
    const leaders = this.#servers.filter((_, index) => reports[index]!.includes('Mode: leader'));
    const followers = reports.filter((report) => report.includes('Mode: follower'));
    const [leader] = leaders;
    if (!leader || leaders.length !== 1 || leaders.length + followers.length < this.#servers.length) return null;
    const zxid = BigInt(/Zxid: (0x[0-9a-f]+)/.exec(reports[this.#servers.indexOf(leader)]!)![1]!);
    const epoch = zxid >> EPOCH_BITS;
    this.#leaders.set(epoch, leader);
    // A new leader begins with a number that stands for no transaction.
    return zxid === epoch << EPOCH_BITS ? this.#last : zxid;
  }

  async #readLogs(): Promise<void> {
    const offset = monotonicMs() - Date.now();
    let isNew = false;
    for (const server of this.#servers) {
      const folder = join(server.dataFolder, 'version-2');
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith('log.'));
      for (const file of names.map((name) => join(folder, name))) {
        const { transactions, next } = readTransactions(await readFile(file), this.#read.get(file));
        this.#read.set(file, next);
        for (const { zxid, timeMs, changes } of transactions) {
          const logged = this.#logged.get(zxid) ?? {
            step: { at: timeMs + offset, revision: zxid, changes },
            by: new Set(),
          };
          this.#logged.set(zxid, logged);
          logged.by.add(server);
          if (zxid > this.#last) this.#last = zxid;
          isNew = true;
        }
      }
    }
    if (isNew) this.#take();
  }

  #take(): void {
    const epochs = [...this.#leaders.keys()].sort(ascending);
    const latest = epochs.at(-1);
    const counts = ({ step, by }: Logged): boolean => {
      const epoch = step.revision >> EPOCH_BITS;
      const heir = epoch === latest ? latest : epochs.find((each) => each > epoch);
      return by.size > this.#servers.length / 2 || (heir !== undefined && by.has(this.#leaders.get(heir)!));
    };
    const steps = [...this.#logged.values()]
      .filter(counts)
      .map(({ step }) => step)
      .filter(({ changes }) => changes.length > 0)
      .sort((a, b) => ascending(a.revision, b.revision));
    const all = [...this.#before, ...steps];
    const isLonger = this.#changes.every((change, index) => change === all[index]);
    if (isLonger) this.#changes.push(...all.slice(this.#changes.length));
    else this.#changes = all;
  }
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

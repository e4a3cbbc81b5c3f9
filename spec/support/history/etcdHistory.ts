import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../servers/eventually.js';
import type { RawChange, RawEtcd } from '../servers/rawEtcd.js';
import { monotonicMs } from './monotonic.js';
import type { NodeChange, ServerChange, ServerHistory } from './serverHistory.js';

const RETRY_MS = 50;

/**
 * What an etcd cluster did: a watch on every key from the first revision on, at each server directly.
 *
 * Each sees all of it in the same order, so what comes first from any of them is taken: the loss of one leaves no gap.
 */
export class EtcdHistory implements ServerHistory {
  readonly #servers: readonly RawEtcd[];
  readonly #all: ServerChange[] = [];
  #present = new Set<string>();
  #last = 0n;
  #end: () => void;

  constructor(servers: readonly RawEtcd[]) {
    this.#servers = servers;
    this.#end = this.#follow();
  }

  get changes(): readonly ServerChange[] {
    return this.#all;
  }

  async refresh(): Promise<void> {
    const revision = await eventually(
      async () => {
        const revisions = await Promise.all(this.#servers.map((server) => server.revision().catch(() => 0n)));
        return revisions.reduce((last, each) => (each > last ? each : last));
      },
      { what: 'a revision' },
    );
    // The first revision stands for no change.
    await eventually(() => revision <= 1n || this.#last >= revision, { what: `revision ${revision} in the watch` });
  }

  async wiped(): Promise<void> {
    this.#end();
    const gone: NodeChange[] = [...this.#present].map((path) => ({ type: 'delete', path }));
    this.#all.push({ at: monotonicMs(), revision: this.#last, changes: gone });
    this.#present = new Set();
    this.#last = 0n;
    this.#end = this.#follow();
  }

  async close(): Promise<void> {
    this.#end();
  }

  #follow(): () => void {
    const ending = new AbortController();
    for (const server of this.#servers) void this.#followOne(server, ending.signal);
    return () => ending.abort();
  }

  async #followOne(server: RawEtcd, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await server
        .follow(this.#last + 1n, (changes) => !signal.aborted && this.#take(changes), signal)
        .catch(() => undefined);
      await sleep(RETRY_MS);
    }
  }

  #take(changes: readonly RawChange[]): void {
    for (const revision of new Set(changes.map((change) => change.revision))) {
      if (revision <= this.#last) continue;
      this.#last = revision;
      const together = changes.filter((change) => change.revision === revision).map(toNodeChange);
      for (const { type, path } of together) {
        if (type === 'put') this.#present.add(path);
        else this.#present.delete(path);
      }
      this.#all.push({ at: monotonicMs(), revision, changes: together });
    }
  }
}

function toNodeChange({ type, key, lease }: RawChange): NodeChange {
  return { type, path: key, ...(lease && { owner: lease }) };
}

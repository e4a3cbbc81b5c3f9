import { catchError, firstValueFrom, forkJoin, type Observable, of } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { bulkCreate, bulkReplace, FoundError } from '../../../lib/backends/zookeeper/bulkCreate.js';
import type { NodeStat, NodeToReplace, TransactionOutcome } from '../../../lib/backends/zookeeper/client.js';
import { RegistryError } from '../../../lib/errors.js';

const statOf = (zxid: bigint): NodeStat => ({ owner: '0x1', zxid, madeBy: zxid, dataVersion: 0, childChanges: 0 });
const refused = (code: 'NODE_EXISTS' | 'CONFLICT', path: string) => new RegistryError(code, path);

/** A server that counts what is asked of it. */
class CountingServer {
  readonly nodes = new Map<string, NodeStat>();
  readonly asked = { create: 0, createAll: 0, exists: 0, replace: 0, replaceAll: 0 };
  #zxid = 100n;

  create(path: string): Observable<{ path: string; zxid: bigint }> {
    this.asked.create += 1;
    return of({ path, zxid: (this.#zxid += 1n) });
  }

  createAll(nodes: readonly { readonly path: string }[]): Observable<TransactionOutcome> {
    this.asked.createAll += 1;
    const failedAt = nodes.findIndex(({ path }) => this.nodes.has(path));
    if (failedAt >= 0) return of({ failedAt, error: refused('NODE_EXISTS', nodes[failedAt]!.path) });
    const zxid = (this.#zxid += 1n);
    for (const { path } of nodes) this.nodes.set(path, statOf(zxid));
    return of({ zxid });
  }

  exists(path: string): Observable<NodeStat | undefined> {
    this.asked.exists += 1;
    return of(this.nodes.get(path));
  }

  replace(): Observable<bigint> {
    this.asked.replace += 1;
    return of((this.#zxid += 1n));
  }

  replaceAll(nodes: readonly NodeToReplace[]): Observable<TransactionOutcome> {
    this.asked.replaceAll += 1;
    const failedAt = nodes.findIndex(({ path, dataVersion }) => this.nodes.get(path)?.dataVersion !== dataVersion);
    if (failedAt >= 0) return of({ failedAt, error: refused('CONFLICT', nodes[failedAt]!.path) });
    return of({ zxid: (this.#zxid += 1n) });
  }
}

const paths = Array.from({ length: 1_000 }, (_, number) => `/many/${number}`);

function outcomes<T>(all: readonly Observable<T>[]): Promise<unknown[]> {
  return firstValueFrom(forkJoin(all.map((each) => each.pipe(catchError((error: unknown) => of(error))))));
}

describe('bulk on ZooKeeper', () => {
  let server: CountingServer;
  beforeEach(() => {
    server = new CountingServer();
  });

  const create = () => {
    const creates = bulkCreate(server);
    return outcomes(paths.map((path) => creates.ask({ path, options: {} })));
  };

  it('bounded load: nodes that are all there cost a transaction for a hundred, and one look each', async () => {
    for (const path of paths) server.nodes.set(path, statOf(1n));
    const found = await create();
    expect(found.every((each) => each instanceof FoundError && each.code === 'NODE_EXISTS')).toBe(true);
    expect((found[777] as FoundError).stat).toEqual(statOf(1n));
    expect(server.asked).toMatchObject({ create: 0, createAll: 10, exists: 1_000 });
  });

  it('tells of each node that is there what it is, and makes the others', async () => {
    const there = paths.filter((_, at) => at % 7 === 3);
    for (const path of there) server.nodes.set(path, statOf(2n));
    const made = await create();
    expect(paths.filter((_, at) => made[at] instanceof FoundError)).toEqual(there);
    // One transaction that fails for a hundred, then two that do not.
    expect(server.asked.createAll).toBe(30);
  });

  it('replaces a hundred nodes in one transaction, and splits out one that has changed', async () => {
    for (const path of paths) server.nodes.set(path, statOf(1n));
    const replaces = bulkReplace(server);
    const replace = (dataVersionOf: (path: string) => number) =>
      outcomes(paths.map((path) => replaces.ask({ path, dataVersion: dataVersionOf(path), ephemeral: true })));
    await replace(() => 0);
    expect(server.asked.replaceAll).toBe(10);
    const replaced = await replace((path) => (path === paths[250] ? 5 : 0));
    expect(replaced.flatMap((each, at) => (each instanceof RegistryError ? [[at, each.code]] : []))).toEqual([
      [250, 'CONFLICT'],
    ]);
    // Ten, and the two halves of the one that failed.
    expect(server.asked.replaceAll).toBe(10 + 10 + 2);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import type { DirectoryChange } from '../../../lib/port/index.js';
import { type Recorder, SOON_MS } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { followDirectory } from './support/follow.js';
import { inSlices, numbers } from './support/inSlices.js';

const COUNT = 50_000;
/** What a transaction takes. */
const BATCH = 100;

let server: EtcdServer;
const troupe = new Troupe<EtcdOptions>(etcd);
beforeAll(async () => void (server = await startEtcd()));
afterEach(() => troupe.clear());
afterAll(() => server.close());

/** How many names there were after each change. */
function sizesOf({ values }: Recorder<DirectoryChange>): number[] {
  let size = 0;
  return values.map((change) => {
    size = change.type === 'snapshot' ? change.names.length : size + change.added.length - change.removed.length;
    return size;
  });
}

describe('a revision that is larger than one message', () => {
  it('no missed removal: 50,000 deletions arrive together, also when the connection breaks among them', async () => {
    const { raw } = server;
    const keys = numbers(COUNT).map((index) => `/vast/${String(index).padStart(90, 'x')}`);
    const batches = numbers(COUNT / BATCH).map((batch) => keys.slice(batch * BATCH, (batch + 1) * BATCH));
    await inSlices(batches, 8, (put) => raw.transact({ put }));
    // In one answer of 6 MB: to have it in pieces costs the server the square of what happened.
    const [whole, broken] = [
      await troupe.join(server.port, { sessionTimeoutMs: 30_000 }),
      await troupe.join(server.port),
    ];
    const views = [whole, broken].map(({ probe }) => followDirectory(probe, '/vast'));
    await eventually(() => views.every(({ last }) => last?.type === 'snapshot' && last.names.length === COUNT), {
      withinMs: SOON_MS,
    });
    broken.proxy.cutAfter(3_000_000, 'toClient');
    expect(await raw.deleteRange('/vast/')).toBe(COUNT);
    for (const view of views) {
      await eventually(() => expect(sizesOf(view).at(-1)).toBe(0), { withinMs: SOON_MS });
      expect(new Set(sizesOf(view))).toEqual(new Set([COUNT, 0]));
      expect(view.error).toBeUndefined();
      view.stop();
    }
  });
});

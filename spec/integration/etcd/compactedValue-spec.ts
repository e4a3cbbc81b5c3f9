import { firstValueFrom, map } from 'rxjs';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { etcd } from '../../../lib/backends/etcd/index.js';
import { createConfigCenter } from '../../../lib/index.js';
import { Recorder, SOON_MS } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import { inSlices, numbers } from './support/inSlices.js';

const PATH = '/dubbo/config/dubbo/key';

let server: EtcdServer;
const troupe = new Troupe(etcd);
beforeAll(async () => {
  server = await startEtcd();
});
afterEach(() => troupe.clear());
afterAll(() => server.close());

async function join() {
  const { proxy, probe } = await troupe.join(server.port);
  const config = createConfigCenter(probe.backend);
  const told: string[] = [];
  const versions: bigint[] = [];
  const watch = config.watch('key').pipe(
    map(({ content = 'absent', version }) => {
      told.push(content);
      if (version !== undefined) versions.push(version);
    }),
  );
  return { proxy, probe, config, told, versions, watch };
}

it('a value is told after the history of what it was while we were away has been compacted', async () => {
  const { raw } = server;
  await raw.put(PATH, 'first');
  const { proxy, probe, told, versions, watch } = await join();
  using seen = new Recorder(watch);
  await eventually(() => expect(told).toEqual(['first']));
  // Quiet, with a position that is no more.
  await raw.put('/elsewhere');
  await raw.compact();
  proxy.dropConnections();
  await probe.reaches('suspended');
  await eventually(() => probe.state?.status === 'connected', { withinMs: SOON_MS });
  await raw.put(PATH, 'second');
  await eventually(() => expect(told).toEqual(['first', 'second']));
  proxy.cut();
  await probe.reaches('suspended', probe.trace.length);
  for (const content of ['a', 'b', 'third']) await raw.put(PATH, content);
  await raw.compact();
  proxy.heal();
  await eventually(() => expect(told).toEqual(['first', 'second', 'third']), { withinMs: SOON_MS });
  expect([...versions].sort((one, other) => Number(one - other))).toEqual(versions);
  expect(seen.error).toBeUndefined();
});

it('tells every version of a thousand that others write as fast as they can, also while other watches come and go', async () => {
  const { raw } = server;
  await raw.delete(PATH);
  const { config, told, watch } = await join();
  using seen = new Recorder(watch);
  await eventually(() => expect(told).toEqual(['absent']));
  const coming = (async () => {
    for (let index = 0; index < 50; index += 1) await firstValueFrom(config.watch(`other-${index}`));
  })();
  await inSlices(numbers(1_000), 50, (index) => raw.put(PATH, `${index}`));
  await coming;
  await eventually(() => expect(told).toHaveLength(1_001));
  expect(new Set(told).size).toBe(1_001);
  expect(seen.error).toBeUndefined();
});

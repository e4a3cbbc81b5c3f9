import { firstValueFrom, forkJoin } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRegistry, whileConnected } from '../../../lib/index.js';
import { type DiagnoseOptions, diagnose, type Finding } from '../../../lib/doctor/index.js';
import { parseRegistryAddress } from '../../../lib/dubbo/index.js';
import { connectRawZooKeeper } from '../../support/servers/rawZooKeeper.js';
import { startZooKeeper } from '../../support/servers/zookeeperServer.js';

const PROVIDER = 'dubbo://10.0.0.1:20880/com.acme.Users?application=users';
/** So that servers of specs, whose ticks are short, grant what is asked for. */
const SESSION = 'session=5000';

async function examine(address: string, options: Partial<DiagnoseOptions> = {}) {
  const registry = createRegistry(address);
  onTestFinished(() => registry.close());
  return diagnose({ address: parseRegistryAddress(address), registry, timeoutMs: 10_000, ...options });
}

const idsOf = (findings: readonly Finding[]): string[] => findings.map(({ id }) => id).sort();

describe('the doctor, of a ZooKeeper server', () => {
  it('finds nothing at one that is well, and tells what it is', async () => {
    await using server = await startZooKeeper();
    const address = `zookeeper://${server.address}?${SESSION}`;
    const registry = createRegistry(address);
    onTestFinished(() => registry.close());
    await registry.provide(PROVIDER);
    const { facts, findings } = await examine(address, { write: true });
    expect(findings).toEqual([]);
    expect(facts.servers[0]!.version).toMatch(/^3\.\d+\.\d+$/);
    expect(facts.session).toEqual({ askedMs: 5_000, grantedMs: 5_000 });
    expect(facts.contents).toEqual({ services: 1, providers: 1, consumers: 0 });
  });

  it('finds a session that the server cuts, an address that does not answer, and a version outside the table', async () => {
    await using server = await startZooKeeper();
    // Twenty ticks of half a second are the longest that it grants.
    const address = `zookeeper://${server.address}?backup=127.0.0.1:1&session=60000`;
    const { findings } = await examine(address, { testedLines: { zookeeper: ['2.0'] } });
    expect(idsOf(findings)).toEqual(['ADDRESS_UNREACHABLE', 'SESSION_TIMEOUT_CUT', 'VERSION_UNTESTED']);
  });

  it('finds a right that is missing, which is also how a wrong password shows', async () => {
    await using server = await startZooKeeper();
    const owner = createRegistry(`zookeeper://shop:s3cret@${server.address}?${SESSION}`);
    onTestFinished(() => owner.close());
    await owner.provide(PROVIDER);
    for (const user of ['', 'shop:hunter2@']) {
      const diagnosis = await examine(`zookeeper://${user}${server.address}?${SESSION}`);
      expect(diagnosis.findings).toMatchObject([{ id: 'RIGHT_MISSING', spots: [{ where: '/dubbo' }] }]);
      expect(JSON.stringify(diagnosis)).not.toContain('hunter2');
    }
    expect((await examine(`zookeeper://shop:s3cret@${server.address}?${SESSION}`)).findings).toEqual([]);
  });

  it('finds what is wrong with nodes, as others write them', async () => {
    await using server = await startZooKeeper();
    const raw = await connectRawZooKeeper(server.port);
    const write = (url: string, ephemeral = true): Promise<unknown> =>
      raw.create(`/dubbo/com.acme.Users/providers/${encodeURIComponent(url)}`, { ephemeral, parents: true });
    await write('nonsense');
    await write(`${PROVIDER}&pid=1&timestamp=1`);
    await write(`${PROVIDER}&pid=2&timestamp=2`);
    await write(`dubbo://10.0.0.2:1/com.acme.Users?weight=0&timestamp=${Date.now() + 3_600_000}`, false);
    await write('dubbo://127.0.0.1:1/com.acme.Users?application=users');
    const { findings } = await examine(`zookeeper://${server.address}?${SESSION}`, { dial: true });
    expect(idsOf(findings).filter((id) => id !== 'PROVIDER_UNREACHABLE')).toEqual([
      ...['APPLICATION_MISSING', 'DUPLICATE_INSTANCE', 'PERSISTENT_PROVIDER', 'TIMESTAMP_IN_FUTURE'],
      ...['UNREADABLE_NODE', 'WEIGHT_ZERO'],
    ]);
    const unreachable = findings.find(({ id }) => id === 'PROVIDER_UNREACHABLE');
    expect(unreachable!.spots.map(({ where }) => where)).toContain('127.0.0.1:1 of com.acme.Users');
  });

  it('finds a directory that is too large for Java', async () => {
    await using server = await startZooKeeper();
    const address = `zookeeper://${server.address}?${SESSION}`;
    const registry = createRegistry(address);
    onTestFinished(() => registry.close());
    // 2,100 names of 400 bytes are more than 800,000.
    const names = Array.from({ length: 2_100 }, (_, at) =>
      encodeURIComponent(`${PROVIDER.replace('.1:', `.${at}:`)}&pad=`).padEnd(400, 'x'),
    );
    const create = registry.states.pipe(
      whileConnected((session) =>
        forkJoin(names.map((name) => session.create(`/dubbo/com.acme.Users/providers/${name}`, { ephemeral: true }))),
      ),
    );
    await firstValueFrom(create);
    const { findings } = await examine(address);
    expect(findings).toMatchObject([
      { id: 'DIRECTORY_TOO_LARGE', spots: [{ where: '/dubbo/com.acme.Users/providers' }] },
    ]);
  });
});

import dns from 'node:dns';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createRegistry, type Registry, type RegistryOptions, type ServiceEvent } from '../../lib/index.js';
import { eventually } from '../support/servers/eventually.js';
import { freePort } from '../support/servers/freePort.js';
import { startZooKeeper, type ZooKeeperServer } from '../support/servers/zookeeperServer.js';
import { buildPeer, HOST, JavaPeer, type Order } from './javaPeer.js';

const GREETER = 'peer.Greeter';
/** A JVM takes some seconds to start, and as long to load what its first provider or consumer needs. */
const WITHIN = { withinMs: 40_000, everyMs: 250 };
/** So many that a provider with an equal share is left out once in 10^15 runs, if each call is drawn. */
const CALLS = 50;

/** Has this process know the name that stands for this machine in Java. */
function knowHost(): void {
  const { lookup } = dns;
  const known = (host: string, ...rest: unknown[]): unknown =>
    Reflect.apply(lookup, dns, [host === HOST ? '127.0.0.1' : host, ...rest]);
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(known);
  onTestFinished(() => spy.mockRestore());
}

describe('Java Dubbo 3 on ZooKeeper', () => {
  let server: ZooKeeperServer;
  let folder: string;
  let address: string;
  let consumers: JavaPeer;
  let body: JavaPeer;
  let versions = 0;

  const start = async (): Promise<JavaPeer> => {
    const peer = await JavaPeer.start(folder);
    onTestFinished(() => peer.kill());
    return peer;
  };
  const open = (options: RegistryOptions = {}): Registry => {
    const registry = createRegistry(address, options);
    onTestFinished(() => registry.close());
    return registry;
  };
  const provideJava = async (
    peer: JavaPeer,
    id: string,
    version: string,
    more: Partial<Extract<Order, { do: 'provide' }>> = {},
  ): Promise<string> => {
    const port = await freePort();
    const order = { do: 'provide', id, name: id, application: id, registry: address, protocol: 'dubbo', port, version };
    await peer.order({ ...order, ...more } as Order);
    return `${HOST}:${port}`;
  };
  /** A provider that this package registers; what answers its calls is Java, which registers nothing. */
  const provideOurs = async (version: string, options: RegistryOptions = {}): Promise<{ release(): Promise<void> }> => {
    const name = `ours ${version}`;
    const at = await provideJava(body, name, version, { registry: 'N/A', application: 'body' });
    return open({ application: 'ours', ...options }).provide(
      `dubbo://${at}/${GREETER}?version=${version}&side=provider&warmup=1&methods=who&dubbo=2.0.2&prefer.serialization=hessian2`,
    );
  };
  const consume = (id: string, version: string): Promise<unknown> =>
    consumers.order({ do: 'consume', id, application: 'consumer', registry: address, version });
  /** Who answers calls, in order, once nobody else does any more. */
  const callees = async (id: string): Promise<string[]> => Object.keys(await consumers.call(id, CALLS)).sort();
  const nextVersion = (): string => `${(versions += 1)}.0.0`;

  beforeAll(async () => {
    [server, folder] = await Promise.all([startZooKeeper(), buildPeer()]);
    address = `zookeeper://${server.address}`;
    [consumers, body] = await Promise.all([JavaPeer.start(folder), JavaPeer.start(folder)]);
  }, 300_000);
  afterAll(async () => {
    await Promise.all([consumers?.kill(), body?.kill()]);
    await server?.close();
  });

  it('a default consumer calls ours, and goes on to when a default provider of Java joins, until either leaves', async () => {
    const version = nextVersion();
    const ours = await provideOurs(version);
    await consume('first ours', version);
    await eventually(async () => expect(await callees('first ours')).toEqual([`ours ${version}`]), WITHIN);
    const java = await start();
    await provideJava(java, 'java', version);
    await eventually(async () => expect(await callees('first ours')).toEqual(['java', `ours ${version}`]), WITHIN);
    await ours.release();
    await eventually(async () => expect(await callees('first ours')).toEqual(['java']), WITHIN);
  });

  it('a default consumer that knows Java alone calls ours as well once that joins, and alone when Java is killed', async () => {
    const version = nextVersion();
    const java = await start();
    await provideJava(java, 'java', version);
    await consume('first java', version);
    await eventually(async () => expect(await callees('first java')).toEqual(['java']), WITHIN);
    await provideOurs(version);
    await eventually(async () => expect(await callees('first java')).toEqual(['java', `ours ${version}`]), WITHIN);
    await java.kill();
    await eventually(async () => expect(await callees('first java')).toEqual([`ours ${version}`]), WITHIN);
  });

  it('ours that are instances only are called', async () => {
    const version = nextVersion();
    await provideOurs(version, { registerMode: 'instance' });
    await consume('instances', version);
    await eventually(async () => expect(await callees('instances')).toEqual([`ours ${version}`]), WITHIN);
  });

  it('our consumer sees providers of either level, whatever they do with their metadata, and those of both once', async () => {
    knowHost();
    const version = nextVersion();
    const events: ServiceEvent[] = [];
    const warnings: string[] = [];
    const registry = open();
    registry.warnings.subscribe(({ code }) => warnings.push(code));
    registry.subscribe({ interface: GREETER, version }).subscribe((event) => events.push(event));
    const java = await start();
    const at = [
      await provideJava(java, 'both', version),
      await provideJava(java, 'interface', version, { registerMode: 'interface' }),
      await provideJava(java, 'instance', version, { registerMode: 'instance' }),
      await provideJava(java, 'triple', version, { registerMode: 'instance', protocol: 'tri' }),
      await provideJava(java, 'remote', version, { registerMode: 'instance', metadataType: 'remote' }),
    ];
    await eventually(async () => {
      expect([...(await registry.lookup({ interface: GREETER, version }))].map((each) => each.address).sort()).toEqual(
        [...at].sort(),
      );
    }, WITHIN);
    // Nobody came twice; one that is at both levels may change when the other one is read.
    expect(
      events
        .filter(({ type }) => type === 'add')
        .map(({ service }) => service.address)
        .sort(),
    ).toEqual([...at].sort());
    expect(events.filter(({ type }) => type === 'delete')).toEqual([]);
    await java.kill();
    await eventually(() => {
      expect(
        events
          .filter(({ type }) => type === 'delete')
          .map(({ service }) => service.address)
          .sort(),
      ).toEqual([...at].sort());
    }, WITHIN);
    expect(warnings).toEqual([]);
  });
});

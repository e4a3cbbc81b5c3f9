import { delay, filter, firstValueFrom, interval, mergeMap } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { createRegistry } from '../../lib/createRegistry.js';
import { type GrpcResolver, registerGrpcResolver } from '../../lib/grpc/index.js';
import type { Provision, Registry } from '../../lib/registry.js';
import { drained } from '../../lib/shutdown/index.js';
import { eventually } from '../support/servers/eventually.js';
import { type Greeter, greeter, type GreeterServer, SERVICE, startGreeter } from './greeter.js';

const TARGET = `registry:///${SERVICE}`;
/** How long it takes that a channel goes by a change: longer than the registry takes to acknowledge it. */
const HEARSAY_MS = 100;
const SESSION_MS = 1_500;

interface Running {
  readonly server: GreeterServer;
  readonly provision: Provision;
}

/** Calls all the time, and counts. */
function load({ greet }: Greeter) {
  const count = { sent: 0, answered: 0, failed: [] as unknown[] };
  const sending = interval(4)
    .pipe(
      mergeMap(async () => {
        count.sent += 1;
        try {
          await greet();
          count.answered += 1;
        } catch (error) {
          count.failed.push(error);
        }
      }),
    )
    .subscribe();
  const more = (calls: number): Promise<void> => {
    const wanted = count.answered + calls;
    return eventually(() => expect(count.answered + count.failed.length).toBeGreaterThan(wanted), { what: 'answers' });
  };
  const stop = async (): Promise<void> => {
    sending.unsubscribe();
    await eventually(() => expect(count.answered + count.failed.length).toBe(count.sent), { what: 'all answers' });
  };
  return { count, more, stop };
}

/** A query watches the directory of the providers, and which applications provide the interface. */
const WATCHES_OF_A_QUERY = 2;

describe('gRPC channels through a registry', () => {
  let world: MemoryServer;
  let consumer: Registry;
  let providers: Registry;
  let resolver: GrpcResolver;
  let open: (Disposable | AsyncDisposable)[];

  beforeEach(() => {
    world = new MemoryServer({ latencyMs: 10 });
    consumer = createRegistry(memory({ server: world, sessionTimeoutMs: SESSION_MS }));
    providers = createRegistry(memory({ server: world, sessionTimeoutMs: SESSION_MS }));
    resolver = registerGrpcResolver(consumer, { through: delay(HEARSAY_MS) });
    open = [];
  });
  afterEach(async () => {
    for (const one of open) {
      if (Symbol.dispose in one) one[Symbol.dispose]();
      else await one[Symbol.asyncDispose]();
    }
    resolver.unregister();
    await Promise.all([consumer.close(), providers.close()]);
  });

  const serve = async (options: { port?: number; answerMs?: number; version?: string } = {}): Promise<Running> => {
    const server = await startGreeter(options);
    open.push(server);
    const version = options.version === undefined ? '' : `?version=${options.version}`;
    return { server, provision: await providers.provide(`tri://127.0.0.1:${server.port}/${SERVICE}${version}`) };
  };
  const channel = (target = TARGET, options = {}): Greeter => {
    const made = greeter(target, options);
    open.push(made);
    return made;
  };
  const ports = async ({ greet }: Greeter): Promise<number[]> => {
    const seen = new Set<number>();
    for (let turn = 0; turn < 12; turn += 1) seen.add(await greet());
    return [...seen].sort();
  };
  const portsOf = (...running: Running[]): number[] => running.map(({ server }) => server.port).sort();
  const take = ({ server, provision }: Running) =>
    drained({
      provisions: provision,
      propagationMs: 2 * HEARSAY_MS,
      close: async (context) => {
        // Nobody calls any more: gRPC need not help with calls that a server turns away while it goes.
        const { inFlight, answered } = server;
        await server.close(context);
        expect({ inFlight, answered }).toEqual({ inFlight: 0, answered: server.answered });
      },
    });

  it('reach everybody in turn', async () => {
    const all = [await serve(), await serve(), await serve()];
    const client = channel();
    await eventually(async () => expect(await ports(client)).toEqual(portsOf(...all)));
  });

  it('reach only the version that the target names', async () => {
    await serve();
    const wanted = await serve({ version: '2.0.0' });
    expect(await ports(channel(`${TARGET}?version=2.0.0`))).toEqual(portsOf(wanted));
  });

  it.each([
    ['rx_registry', {}],
    ['round_robin', { 'grpc.service_config': '{"loadBalancingConfig":[{"round_robin":{}}]}' }],
    ['pick_first', { 'grpc.service_config': '{"loadBalancingConfig":[{"pick_first":{}}]}' }],
  ])('lose no call when all providers are restarted under load, with %s', async (policy, options) => {
    const running = [await serve({ answerMs: 30 }), await serve({ answerMs: 30 }), await serve({ answerMs: 30 })];
    const { count, more, stop } = load(channel(TARGET, options));
    await more(40);
    for (const [index, one] of running.entries()) {
      expect((await take(one)).cutOff).toEqual([]);
      // The first comes back where it was, the others somewhere else.
      const next = await serve({ answerMs: 30, ...(index === 0 && { port: one.server.port }) });
      running[index] = next;
      await more(40);
    }
    await stop();
    expect(count.failed).toEqual([]);
    expect(count.answered).toBe(count.sent);
    expect(count.sent).toBeGreaterThan(160);
    const answered = running.map(({ server }) => server.answered);
    if (policy !== 'pick_first') expect(Math.min(...answered)).toBeGreaterThan(0);
  });

  it('lose no call while the registry is away, and follow it afterwards', async () => {
    const first = await serve();
    const client = channel();
    const { count, more, stop } = load(client);
    await more(20);
    const lost = [consumer, providers].map(({ states }) =>
      firstValueFrom(states.pipe(filter(({ status }) => status === 'lost'))),
    );
    world.stop();
    await Promise.all(lost);
    await more(50);
    world.start();
    const second = await serve();
    await eventually(async () => expect(await ports(client)).toEqual(portsOf(first, second)));
    await more(20);
    await stop();
    expect(count.failed).toEqual([]);
    expect(count.answered).toBe(count.sent);
  });

  it('find their servers when they wake up while the registry is away', async () => {
    const one = await serve();
    // The provider watches its node.
    const before = 1;
    await eventually(() => expect(world.watches).toBe(before));
    const client = channel(TARGET, { 'grpc.client_idle_timeout_ms': 1_000 });
    await client.greet();
    expect(world.watches).toBe(before + WATCHES_OF_A_QUERY);
    await eventually(() => expect(world.watches).toBe(before), { what: 'the channel to be idle' });
    world.stop();
    expect(await client.greet()).toBe(one.server.port);
  });

  it('of one target share one watch, and the last one that closes lets it go', async () => {
    await serve();
    // The provider watches its node.
    const before = 1;
    await eventually(() => expect(world.watches).toBe(before));
    const [one, two, three] = [channel(), channel(), channel(TARGET, { 'grpc.max_reconnect_backoff_ms': 999 })];
    await Promise.all([one.greet(), two.greet(), three.greet()]);
    expect(world.watches).toBe(before + WATCHES_OF_A_QUERY);
    one.close();
    two.close();
    await three.greet();
    expect(world.watches).toBe(before + WATCHES_OF_A_QUERY);
    three.close();
    await eventually(() => expect(world.watches).toBe(before));
  });

  describe('without providers', () => {
    it('fail with a text that says so, and serve who comes', async () => {
      const client = channel();
      await expect(client.greet()).rejects.toMatchObject({
        code: 14,
        details: expect.stringContaining(`No instance of "${SERVICE}"`) as string,
      });
      const waiting = client.greet({ waitForReady: true });
      const one = await serve();
      expect(await waiting).toBe(one.server.port);
      expect(await client.greet()).toBe(one.server.port);
    });

    it.each([
      ['rx_registry', {}],
      ['round_robin', { 'grpc.service_config': '{"loadBalancingConfig":[{"round_robin":{}}]}' }],
      ['pick_first', { 'grpc.service_config': '{"loadBalancingConfig":[{"pick_first":{}}]}' }],
    ])('any more fail likewise, with %s', async (_, options) => {
      const one = await serve();
      const client = channel(TARGET, options);
      await client.greet();
      await take(one);
      await eventually(() =>
        expect(client.greet()).rejects.toMatchObject({
          code: 14,
          details: expect.stringContaining(`No instance of "${SERVICE}"`) as string,
        }),
      );
      const other = await serve();
      expect(await client.greet({ waitForReady: true })).toBe(other.server.port);
    });

    it('that speak gRPC say so', async () => {
      await providers.provide(`dubbo://127.0.0.1:20880/${SERVICE}`);
      await expect(channel().greet()).rejects.toMatchObject({
        code: 14,
        details: expect.stringContaining('none of 1 speaks tri or grpc') as string,
      });
    });
  });

  it('wait while the registry cannot be reached, and say so when that takes too long', async () => {
    world.cut();
    using impatient = registerGrpcResolver(consumer, { scheme: 'impatient', startMs: 100 });
    await expect(channel(`${impatient.scheme}:///${SERVICE}`).greet()).rejects.toMatchObject({
      code: 14,
      details: expect.stringContaining('the registry did not answer within 100 ms') as string,
    });
    const patient = channel().greet({ waitForReady: true });
    world.heal();
    const one = await serve();
    expect(await patient).toBe(one.server.port);
  });

  it('of several registries are told apart by their schemes', async () => {
    const elsewhere = new MemoryServer();
    await using other = createRegistry(memory({ server: elsewhere }));
    using eu = registerGrpcResolver(other, { scheme: 'eu-1' });
    const here = await serve();
    const there = await startGreeter();
    open.push(there);
    await other.provide(`grpc://127.0.0.1:${there.port}/${SERVICE}`);
    expect(await ports(channel())).toEqual(portsOf(here));
    expect(await ports(channel(`${eu.scheme}:///${SERVICE}`))).toEqual([there.port]);
  });

  it.each([`registry://zk1/${SERVICE}`, `${TARGET}?weight=5`, 'registry:///*'])(
    'are not made for the target %s',
    (target) => expect(() => greeter(target)).toThrow(/^Expected a target/),
  );

  it('keep their addresses when the registry is closed', async () => {
    const one = await serve();
    const client = channel();
    await client.greet();
    await consumer.close();
    expect(await client.greet()).toBe(one.server.port);
  });
});

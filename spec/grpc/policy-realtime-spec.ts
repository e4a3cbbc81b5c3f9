import { status } from '@grpc/grpc-js';
import { BehaviorSubject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CallMeter, type CallOutcome, consistentHash, leastLoaded } from '../../lib/balancers/index.js';
import { instanceKey, ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError } from '../../lib/errors.js';
import { type GrpcResolverOptions, registerGrpcResolver } from '../../lib/grpc/index.js';
import { InstanceLedger, type InstanceSet } from '../../lib/instances/index.js';
import { ejectOutliers } from '../../lib/operators/index.js';
import { eventually } from '../support/servers/eventually.js';
import { type Greeter, greeter, type GreeterServer, SERVICE, startGreeter } from './greeter.js';
import { IN_ORDER } from '../support/inOrder.js';

/** Two real servers, whose weights the spec says. */
describe('the policy of gRPC channels', () => {
  let open: (Disposable | AsyncDisposable)[];
  let sets: BehaviorSubject<InstanceSet>;
  let ledger: InstanceLedger;
  let schemes = 0;

  beforeEach(() => {
    open = [];
    ledger = new InstanceLedger();
    sets = new BehaviorSubject(ledger.set);
  });
  afterEach(async () => {
    for (const one of open.reverse()) {
      if (Symbol.dispose in one) one[Symbol.dispose]();
      else await one[Symbol.asyncDispose]();
    }
  });

  const urlOf = (server: GreeterServer, weight: number): ServiceUrl =>
    ServiceUrl.parse(`tri://127.0.0.1:${server.port}/${SERVICE}?weight=${weight}`);
  const weigh = (server: GreeterServer, weight: number): void => {
    const url = urlOf(server, weight);
    ledger.write([[instanceKey(url), url]]);
    sets.next(ledger.set);
  };
  const serve = async (weight: number, options: Parameters<typeof startGreeter>[0] = {}): Promise<GreeterServer> => {
    const server = await startGreeter(options);
    open.push(server);
    weigh(server, weight);
    return server;
  };
  const channel = (options: GrpcResolverOptions = {}): Greeter => {
    const scheme = `policy-${schemes++}`;
    open.push(registerGrpcResolver({ instances: () => sets }, { scheme, ...options }));
    const made = greeter(`${scheme}:///${SERVICE}`);
    open.push(made);
    return made;
  };
  const countAfter = async (servers: readonly GreeterServer[], calls: () => Promise<unknown>): Promise<number[]> => {
    const before = servers.map(({ answered }) => answered);
    await calls();
    return servers.map(({ answered }, index) => answered - before[index]!);
  };
  const many = (client: Greeter, calls: number) => async (): Promise<void> => {
    await Promise.all(Array.from({ length: calls }, () => client.greet()));
  };
  /** Until all of them answer. */
  const connected = (client: Greeter, servers: readonly GreeterServer[]): Promise<void> =>
    eventually(async () => {
      const counts = await countAfter(servers, many(client, 40));
      expect(Math.min(...counts)).toBeGreaterThan(0);
    });

  it('(grpc-ecosystem/grpc-spring #647) gives calls by weight, and by another one as soon as that is told', async () => {
    const servers = [await serve(300), await serve(100)];
    const client = channel();
    await connected(client, servers);
    // Exact over whole rounds, of four turns at most: what is counted may begin and end within one.
    const firstOf = async (): Promise<number> => (await countAfter(servers, many(client, 200)))[0]!;
    expect(Math.abs((await firstOf()) - 150)).toBeLessThanOrEqual(4);
    weigh(servers[0]!, 100);
    expect(Math.abs((await firstOf()) - 100)).toBeLessThanOrEqual(4);
  });

  it.each(['rx_registry', 'round_robin', 'pick_first'])(
    '(grpc-ecosystem/grpc-spring #647) gives nothing to weight 0, with %s',
    async (loadBalancing) => {
      const servers = [await serve(100), await serve(100)];
      const client = channel({ loadBalancing });
      await many(client, 20)();
      for (const [index, server] of servers.entries()) {
        weigh(server, 0);
        await eventually(async () => {
          expect((await countAfter(servers, many(client, 100)))[index]).toBe(0);
        });
        weigh(server, 100);
      }
    },
  );

  it('calls those of weight 0 where there are no others', async () => {
    const servers = [await serve(0), await serve(0)];
    const client = channel();
    await connected(client, servers);
  });

  it('tells the meter of calls: under way, answered, failed or given up', async () => {
    let code: number = status.OK;
    const server = await serve(100, { answerMs: 30, statusOf: () => code });
    const key = instanceKey(urlOf(server, 100));
    const meter = new CallMeter();
    const outcomes: CallOutcome[] = [];
    meter.outcomes.subscribe((outcome) => outcomes.push(outcome));
    const client = channel({ meter });
    const calls = many(client, 3)();
    await eventually(() => expect(meter.inFlight(key)).toBe(3));
    await calls;
    expect(meter.inFlight(key)).toBe(0);
    expect(outcomes.splice(0)).toEqual(
      Array.from({ length: 3 }, () => ({ key, ok: true, latencyMs: expect.any(Number) as number })),
    );
    const isOkBy: boolean[] = [];
    for (code of [status.UNAVAILABLE, status.INTERNAL, status.INVALID_ARGUMENT, status.NOT_FOUND]) {
      await client.greet().catch(() => undefined);
      isOkBy.push(outcomes.splice(0).every(({ ok }) => ok));
    }
    expect(isOkBy).toEqual([false, false, true, true]);
    code = status.OK;
    await expect(client.greet({ deadline: Date.now() + 10 })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await eventually(() => expect(meter.inFlight(key)).toBe(0));
    expect(outcomes.splice(0).map(({ ok }) => ok)).toEqual([false]);
  });

  it('goes by what is said of whose fault a status is', async () => {
    const server = await serve(100, { statusOf: () => status.NOT_FOUND });
    const meter = new CallMeter();
    const outcomes: CallOutcome[] = [];
    meter.outcomes.subscribe((outcome) => outcomes.push(outcome));
    const client = channel({ meter, isFailure: ({ code }) => code === Number(status.NOT_FOUND) });
    await client.greet().catch(() => undefined);
    expect(outcomes.map(({ ok, key }) => [ok, key])).toEqual([[false, instanceKey(urlOf(server, 100))]]);
  });

  it('closes the loop to an operator that looks at outcomes: who fails is left out', async () => {
    const good = await serve(100);
    const bad = await serve(100, { statusOf: () => status.UNAVAILABLE });
    const meter = new CallMeter();
    const client = channel({ meter, through: ejectOutliers(meter.outcomes, { consecutiveFailures: 3 }) });
    const calls = async (): Promise<void> => {
      for (let call = 0; call < 40; call++) await client.greet().catch(() => undefined);
    };
    await eventually(async () => {
      expect(await countAfter([good, bad], calls)).toEqual([40, 0]);
    });
  });

  it('chooses by the balancer that it is given, and by key', async () => {
    const servers = [await serve(100), await serve(100), await serve(100)];
    const client = channel({
      balancer: consistentHash(),
      keyOf: (metadata) => metadata.get('user')[0]?.toString(),
    });
    await connected(client, servers);
    for (const user of ['ada', 'ben', 'cyd']) {
      // One at a time, or the bound on the load would send some elsewhere.
      const first = await client.greet({ user });
      expect(await client.greet({ user })).toBe(first);
    }
  });

  it('spares one that is busy, with leastLoaded', async () => {
    const servers = [await serve(100, { answerMs: 200 }), await serve(100)];
    const client = channel({ balancer: leastLoaded(IN_ORDER) });
    await connected(client, servers);
    await many(client, 1)();
    const counts = await countAfter(servers, async () => {
      for (let call = 0; call < 50; call++) await Promise.all([client.greet(), client.greet()]);
    });
    expect(counts[1]).toBeGreaterThan(counts[0]! - 1);
  });

  it('refuses a balancer beside a policy that has its own, and what is none', () => {
    const register = (options: GrpcResolverOptions) => () =>
      registerGrpcResolver({ instances: () => sets }, { scheme: 'refused', ...options });
    expect(register({ balancer: leastLoaded(IN_ORDER), loadBalancing: 'round_robin' })).toThrow(InvalidOptionError);
    expect(register({ balancer: leastLoaded as never })).toThrow(InvalidOptionError);
    expect(register({ meter: {} as never })).toThrow(InvalidOptionError);
    expect(register({ isFailure: true as never })).toThrow(InvalidOptionError);
    expect(register({ keyOf: 'user' as never })).toThrow(InvalidOptionError);
    expect(register({ trialCalls: 0 })).toThrow(InvalidOptionError);
  });

  it('says so where no registry resolves the target', async () => {
    registerGrpcResolver({ instances: () => sets }, { scheme: 'elsewhere' }).unregister();
    const client = greeter('ipv4:127.0.0.1:1', {
      'grpc.service_config': '{"loadBalancingConfig":[{"rx_registry":{}}]}',
    });
    open.push(client);
    await expect(client.greet()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('targets that a registry resolves') as string,
    });
  });
});

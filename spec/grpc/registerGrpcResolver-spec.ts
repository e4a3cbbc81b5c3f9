import { experimental } from '@grpc/grpc-js';
import { map, type Observable, of, Subject, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instanceKey, type ServiceQuery, ServiceUrl } from '../../lib/dubbo/index.js';
import { InvalidOptionError, InvalidUrlError, RegistryError } from '../../lib/errors.js';
import type { GrpcUri, ResolverConstructor } from '../../lib/grpc/grpcLibrary.js';
import { type GrpcLibrary, type GrpcResolverOptions, registerGrpcResolver } from '../../lib/grpc/index.js';
import { InstanceSet } from '../../lib/instances/index.js';
import { turn, VirtualTime } from '../support/virtual/index.js';

const set = (...hosts: number[]): InstanceSet =>
  new InstanceSet(
    new Map(
      hosts.map((host) => {
        const url = ServiceUrl.parse(`tri://10.0.0.${host}:50051/x.Y`);
        return [instanceKey(url), url];
      }),
    ),
  );

/** A registry whose sets are told by hand. */
class FakeRegistry {
  readonly queries: ServiceQuery[] = [];
  readonly sets = new Subject<InstanceSet>();
  source: Observable<InstanceSet> = this.sets;

  instances(query: ServiceQuery): Observable<InstanceSet> {
    this.queries.push(query);
    return this.source;
  }
}

/** A copy of grpc-js that only takes resolvers. */
function fakeGrpc() {
  const classes = new Map<string, ResolverConstructor>();
  const library = {
    experimental: {
      ...experimental,
      registerResolver: (scheme: string, resolver: ResolverConstructor) => void classes.set(scheme, resolver),
    },
  } as GrpcLibrary;
  /** Makes the resolver of a channel, and says what the channel is told. */
  const channel = (path = 'x.Y', options = {}, scheme = 'registry') => {
    const told: unknown[] = [];
    const configs: unknown[] = [];
    const resolver = new (classes.get(scheme)!)(
      { scheme, authority: '', path },
      (result, _, config, note) => {
        told.push(
          result.ok
            ? result.value.map(({ addresses }) =>
                addresses.map((at) => ('host' in at ? `${at.host}:${at.port}` : '?')).join(),
              )
            : [result.error.code, result.error.details],
        );
        configs.push(config);
        expect(note).toContain('x.Y');
        return true;
      },
      options,
    );
    return { resolver, told, configs };
  };
  return { library, classes, channel };
}

const at = (...hosts: number[]) => hosts.map((host) => `10.0.0.${host}:50051`);
const NOBODY = [14, 'No instance of "x.Y"'];

describe('registerGrpcResolver', () => {
  let registry: FakeRegistry;
  let grpc: ReturnType<typeof fakeGrpc>;
  beforeEach(() => {
    registry = new FakeRegistry();
    grpc = fakeGrpc();
  });
  const register = (options: GrpcResolverOptions = {}) =>
    registerGrpcResolver(registry, { grpc: grpc.library, ...options });

  it('asks the registry for what the target says', () => {
    register();
    grpc.channel('x.Y?version=1.0&group=g').resolver.updateResolution();
    expect(registry.queries).toContainEqual({ interface: 'x.Y', version: '1.0', group: 'g' });
  });

  it('follows from the first call on, and never answers inside of it', async () => {
    registry.source = of(set(1));
    register();
    const { resolver, told } = grpc.channel();
    await turn();
    expect(told).toEqual([]);
    resolver.updateResolution();
    expect(told).toEqual([]);
    await turn();
    expect(told).toEqual([at(1)]);
  });

  it('tells what changes, and needs not be asked again', async () => {
    register();
    const { resolver, told } = grpc.channel();
    resolver.updateResolution();
    await turn();
    registry.sets.next(set(1));
    resolver.updateResolution();
    resolver.updateResolution();
    await turn();
    registry.sets.next(set(1, 2));
    expect(told).toEqual([at(1), at(1, 2)]);
  });

  it('lets go when the channel is idle or closed, tells nothing more, and begins anew when it is asked', async () => {
    register();
    const { resolver, told } = grpc.channel();
    resolver.updateResolution();
    await turn();
    registry.sets.next(set(1));
    expect(registry.sets.observed).toBe(true);
    resolver.destroy();
    resolver.destroy();
    expect(registry.sets.observed).toBe(false);
    resolver.updateResolution();
    resolver.destroy();
    await turn();
    expect(registry.sets.observed).toBe(false);
    expect(told).toEqual([at(1)]);
    resolver.updateResolution();
    await turn();
    registry.sets.next(set(1));
    expect(told).toEqual([at(1), at(1)]);
  });

  describe('of nobody', () => {
    it('says so at once', async () => {
      register();
      const { resolver, told } = grpc.channel();
      resolver.updateResolution();
      await turn();
      registry.sets.next(set());
      expect(told).toEqual([NOBODY]);
    });

    it('takes the addresses away first, as a load balancer keeps them when it is told of an error', async () => {
      register();
      const { resolver, told } = grpc.channel();
      resolver.updateResolution();
      await turn();
      registry.sets.next(set(1));
      registry.sets.next(set());
      registry.sets.next(set(2));
      expect(told).toEqual([at(1), [], NOBODY, at(2)]);
    });

    it('says how many there are that speak something else', async () => {
      register({ protocols: ['grpcs', 'h2c'] });
      const { resolver, told } = grpc.channel();
      resolver.updateResolution();
      await turn();
      registry.sets.next(set(1, 2));
      expect(told).toEqual([[14, 'No instance of "x.Y": none of 2 speaks grpcs or h2c']]);
    });
  });

  describe('of a failure', () => {
    const CAUSE = new RegistryError('NOT_AUTHORIZED', 'not permitted');

    it('keeps the last addresses', async () => {
      register();
      const { resolver, told } = grpc.channel();
      resolver.updateResolution();
      await turn();
      registry.sets.next(set(1));
      registry.sets.error(CAUSE);
      await turn();
      expect(told).toEqual([at(1)]);
      resolver.destroy();
    });

    it('says why where there are none', async () => {
      registry.source = throwError(() => CAUSE);
      register();
      const { resolver, told } = grpc.channel();
      resolver.updateResolution();
      await turn();
      expect(told[0]).toEqual([14, 'Cannot resolve "x.Y": not permitted']);
      resolver.destroy();
    });

    it('goes by the last addresses also when the channel has been idle meanwhile', async () => {
      register();
      const { resolver, told } = grpc.channel();
      resolver.updateResolution();
      await turn();
      registry.sets.next(set(1, 2));
      resolver.destroy();
      registry.sets.error(CAUSE);
      resolver.updateResolution();
      await turn();
      expect(told).toEqual([at(1, 2), at(1, 2)]);
      resolver.destroy();
    });

    it.each([
      [10_000, 1_000],
      [500, 500],
    ])('waits for a silent registry: %d ms at first, %d ms after it has been idle', async (startMs, againMs) => {
      const time = new VirtualTime();
      register({ startMs, scheduler: time.scheduler });
      const { resolver, told } = grpc.channel();
      resolver.updateResolution();
      await turn();
      time.pass(startMs);
      const silent = [14, `Cannot resolve "x.Y": the registry did not answer within ${startMs} ms`];
      expect(told).toEqual([silent]);
      registry.sets.next(set(1));
      resolver.destroy();
      resolver.updateResolution();
      await turn();
      time.pass(againMs - 1);
      expect(told).toEqual([silent, at(1)]);
      time.pass(1);
      expect(told).toEqual([silent, at(1), at(1)]);
      resolver.destroy();
      expect(time.timers).toBe(0);
    });

    it('has no last addresses once there was nobody', async () => {
      register();
      const { resolver, told } = grpc.channel();
      resolver.updateResolution();
      await turn();
      registry.sets.next(set(1));
      registry.sets.next(set());
      resolver.destroy();
      registry.sets.error(CAUSE);
      resolver.updateResolution();
      await turn();
      expect(told.slice(3)).toEqual([[14, 'Cannot resolve "x.Y": not permitted']]);
      resolver.destroy();
    });
  });

  it('takes sets through an operator', async () => {
    registry.source = of(set(1, 2));
    register({ through: map(() => set(7)) });
    const { resolver, told } = grpc.channel();
    resolver.updateResolution();
    await turn();
    expect(told).toEqual([at(7)]);
  });

  describe('of who gets the next call', () => {
    const configOf = async (options: GrpcResolverOptions, channel: object) => {
      registry.source = of(set(1));
      register(options);
      const { resolver, configs } = grpc.channel('x.Y', channel);
      resolver.updateResolution();
      await turn();
      return configs[0];
    };

    it('says by weight', async () => {
      expect(await configOf({}, {})).toEqual({
        ok: true,
        value: { loadBalancingConfig: [{ rx_registry: {} }], methodConfig: [] },
      });
    });

    it('says what it was told', async () => {
      expect(await configOf({ loadBalancing: 'pick_first' }, {})).toMatchObject({
        value: { loadBalancingConfig: [{ pick_first: {} }] },
      });
    });

    it('says nothing to a channel that knows', async () => {
      expect(await configOf({}, { 'grpc.service_config': '{}' })).toBeNull();
    });
  });

  describe('unregistered', () => {
    it('lets the registry go, and channels keep their addresses', async () => {
      const resolver = register();
      const channel = grpc.channel();
      channel.resolver.updateResolution();
      await turn();
      registry.sets.next(set(1));
      resolver.unregister();
      resolver[Symbol.dispose]();
      expect(registry.sets.observed).toBe(false);
      expect(channel.told).toEqual([at(1)]);
    });

    it('tells channels that have none, also those that ask later', async () => {
      const resolver = register();
      const early = grpc.channel();
      const late = grpc.channel();
      early.resolver.updateResolution();
      await turn();
      resolver.unregister();
      late.resolver.updateResolution();
      await turn();
      const told = [[14, 'Cannot resolve "x.Y": the resolver was unregistered']];
      expect([early.told, late.told]).toEqual([told, told]);
      expect(registry.sets.observed).toBe(false);
    });

    it('makes no new channels, until the scheme is registered again', () => {
      const resolver = register();
      resolver.unregister();
      expect(() => grpc.channel()).toThrow('unregistered');
      const again = register();
      resolver.unregister(); // once more: not the one that is there now
      expect(() => grpc.channel()).not.toThrow();
      again.unregister();
    });
  });

  it('gives each registry a scheme of its own', async () => {
    const other = new FakeRegistry();
    expect(register().scheme).toBe('registry');
    registerGrpcResolver(other, { grpc: grpc.library, scheme: 'eu-1' });
    const here = grpc.channel();
    const there = grpc.channel('x.Y', {}, 'eu-1');
    here.resolver.updateResolution();
    there.resolver.updateResolution();
    await turn();
    registry.sets.next(set(1));
    other.sets.next(set(2));
    expect([here.told, there.told]).toEqual([[at(1)], [at(2)]]);
  });

  it('has the interface for an authority, fit for a header', () => {
    register();
    const authority = (path: string) =>
      grpc.classes.get('registry')!.getDefaultAuthority({ scheme: 'registry', path } satisfies GrpcUri);
    expect(authority('com.acme.Greeter?version=1')).toBe('com.acme.Greeter');
    expect(authority('com.acme.Greeter Ü')).toBe('com.acme.Greeter%20%C3%9C');
    expect(() => authority('com.acme.Greeter?x=1')).toThrow(InvalidUrlError);
  });

  describe('refuses', () => {
    afterEach(() => expect(grpc.classes.size).toBe(0));

    it.each<[string, Partial<Record<keyof GrpcResolverOptions, unknown>>]>([
      ['scheme', { scheme: '' }],
      ['scheme', { scheme: 'Registry' }],
      ['scheme', { scheme: 'a:b' }],
      ['scheme', { scheme: 'dns' }],
      ['scheme', { scheme: 'unix' }],
      ['protocols', { protocols: [] }],
      ['protocols', { protocols: 'tri' }],
      ['through', { through: 5 }],
      ['loadBalancing', { loadBalancing: 'best' }],
      ['startMs', { startMs: -1 }],
      ['startMs', { startMs: Infinity }],
      ['baseMs', { retry: { baseMs: 0 } }],
    ])('%s of %j', (option, wrong) => {
      expect(() => register(wrong as GrpcResolverOptions)).toThrow(InvalidOptionError);
      expect(() => register(wrong as GrpcResolverOptions)).toThrow(`\`${option}\``);
    });

    it('what is no registry', () => {
      expect(() => registerGrpcResolver({} as never, { grpc: grpc.library })).toThrow('`registry`');
    });

    it.each([[undefined], [{}], [{ registerResolver: () => undefined }]])(
      'a grpc-js whose experimental part is %j',
      (part) => {
        expect(() => register({ grpc: { experimental: part } as never })).toThrow(/1\.14/);
        expect(() => register({ grpc: { experimental: part } as never })).toThrow(
          expect.objectContaining({ code: 'UNSUPPORTED' }),
        );
      },
    );
  });

  it('refuses a scheme that is taken', () => {
    register();
    expect(() => register()).toThrow('`scheme`');
    expect(() => register({ scheme: 'other' })).not.toThrow();
  });
});

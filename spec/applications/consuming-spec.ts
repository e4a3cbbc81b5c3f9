import { map, type Observable, Subject, throwError } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { instanceKey, type ServiceUrl } from '../../lib/dubbo/index.js';
import { type InstanceSet, RegistryError, type ServiceEvent, type Session } from '../../lib/index.js';
import { BACKOFF_MS, type Inhabitant, refusing, REST_MS, SESSION_MS, World } from '../support/virtual/index.js';
import { JAVA_METADATA, JAVA_REMOTE } from './formats/wire.js';
import { greeter, GREETER, INSTANCE, MAPPING, revisionAt } from './support/application.js';

const TICK_MS = 10;
const ECHO = { interface: 'probe.EchoService', group: 'g1', version: '1.0.0' };
const JAVA = {
  instance: '/services/shop/jhost:22144',
  metadata: '/dubbo/metadata/shop/5a8a552f69b401b63b0250d37c2570ec',
  mapping: '/dubbo/mapping/probe.EchoService',
};

function throws(): Observable<never> {
  throw new RegistryError('UNSUPPORTED', 'This backend watches directories only.');
}

/** A session that watches nodes in another way. */
function withWatchNode(session: Session, watchNode: Session['watchNode']): Session {
  return new Proxy(session, {
    get: (target, name) => {
      if (name === 'watchNode') return watchNode;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a consumer of the level of applications', () => {
  let world: World;
  let mine: Inhabitant;
  const pass = (ms = TICK_MS): void => world.time.pass(ms);

  class View {
    readonly told: string[] = [];
    readonly events: ServiceEvent[] = [];
    readonly sets: InstanceSet[] = [];
    error: unknown;
    readonly #subscription;

    constructor(
      query: string | { interface: string; group?: string; version?: string } = { interface: GREETER },
      who = mine,
    ) {
      this.#subscription = who.registry.subscribe(query).subscribe({
        next: (event) => {
          this.events.push(event);
          this.told.push(`${event.type} ${event.service.address} ${event.service.parameter('weight') ?? ''}`.trim());
        },
        error: (error: unknown) => void (this.error = error),
      });
      this.#subscription.add(
        who.registry.instances(query).subscribe({ next: (set) => this.sets.push(set), error: () => undefined }),
      );
      pass();
    }

    get addresses(): string[] {
      return [...(this.sets.at(-1) ?? [])].map(({ address }) => address).sort();
    }

    unsubscribe(): void {
      this.#subscription.unsubscribe();
    }
  }

  const writeJava = (): void => {
    world.server.create(JAVA.mapping, bytes('shop'));
    world.server.create(JAVA.metadata, bytes(JAVA_METADATA));
    world.server.create(JAVA.instance, bytes(JAVA_REMOTE));
    pass();
  };
  const register = (url: ServiceUrl, registerMode: 'all' | 'instance' | 'interface' = 'instance') => {
    const urls = new Subject<ServiceUrl>();
    const who = world.connected({ registerMode });
    const subscription = who.registry.register(urls).subscribe();
    urls.next(url);
    pass();
    return { who, urls, unsubscribe: () => (subscription.unsubscribe(), pass()) };
  };

  beforeEach(() => {
    world = new World();
    mine = world.connected();
  });

  describe('sees who is there as an instance only', () => {
    it('as Java writes it', () => {
      writeJava();
      const view = new View(ECHO);
      expect(view.told).toEqual(['add jhost:22144 150']);
      world.server.remove(JAVA.instance);
      pass();
      expect(view.told).toEqual(['add jhost:22144 150', 'delete jhost:22144 150']);
      expect(mine.warnings).toEqual([]);
    });

    it.each(Object.values(JAVA))('whatever comes last: %s', (last) => {
      const content = new Map([
        [JAVA.mapping, 'shop'],
        [JAVA.metadata, JAVA_METADATA],
        [JAVA.instance, JAVA_REMOTE],
      ]);
      const view = new View(ECHO);
      for (const [path, text] of content) if (path !== last) world.server.create(path, bytes(text));
      pass(60_000);
      expect(view.told).toEqual([]);
      expect(view.sets.map(({ size }) => size)).toEqual([0]);
      world.server.create(last, bytes(content.get(last)!));
      pass();
      expect(view.told).toEqual(['add jhost:22144 150']);
    });

    it('with the metadata where dubbo-go keeps it', () => {
      writeJava();
      world.server.remove(JAVA.metadata);
      world.server.create(JAVA.metadata.replace('/metadata', ''), bytes(JAVA_METADATA));
      expect(new View(ECHO).told).toEqual(['add jhost:22144 150']);
    });

    it('in the first set already', () => {
      register(greeter());
      expect(new View().sets.map(({ size }) => size)).toEqual([1]);
    });

    it('by groups and versions', () => {
      register(greeter({ group: 'g', version: '1.0' }));
      expect(new View().addresses).toEqual([]);
      expect(new View({ interface: GREETER, group: 'g', version: '1.0' }).addresses).toHaveLength(1);
      expect(new View({ interface: GREETER, group: '*', version: '*' }).addresses).toHaveLength(1);
    });

    it('by a query for everything, without a mapping', () => {
      writeJava();
      world.server.remove(JAVA.mapping);
      register(greeter());
      const view = new View({ interface: '*', group: '*', version: '*' });
      expect(view.addresses).toEqual(['10.0.0.5:50051', 'jhost:22144']);
    });

    it('in applications that the query names', () => {
      writeJava();
      world.server.remove(JAVA.mapping);
      const view = new View('consumer://10.0.0.9/probe.EchoService?group=g1&version=1.0.0&provided-by=other,shop');
      expect(view.addresses).toEqual(['jhost:22144']);
    });

    it('in the directory of the group, where applications and services are side by side', () => {
      const provider = world.connected({ group: 'eu' });
      provider.registry.register(greeter()).subscribe();
      pass();
      const consumer = world.connected({ group: 'eu' });
      expect(new View({ interface: GREETER }, consumer).addresses).toEqual(['10.0.0.5:50051']);
      expect(new View({ interface: '*' }, consumer).addresses).toEqual(['10.0.0.5:50051']);
      expect(consumer.warnings).toEqual([]);
    });

    it('and a change of its services as one update', () => {
      const { urls } = register(greeter({ weight: '1' }));
      const view = new View();
      urls.next(greeter({ weight: '2' }));
      pass();
      expect(view.told).toEqual(['add 10.0.0.5:50051 1', 'update 10.0.0.5:50051 2']);
    });

    it('and a hundred services of an instance for one read of its metadata', () => {
      const who = world.connected({ registerMode: 'instance' });
      const paths = Array.from({ length: 100 }, (_, index) => `com.acme.Service${index}`);
      for (const path of paths) who.registry.register(greeter({}, { path })).subscribe();
      pass();
      const asked: string[] = [];
      const counting = refusing(world.backend(), (_, path) => {
        asked.push(path);
        return false;
      });
      const consumer = world.registry({}, counting);
      const views = paths.map((path) => new View({ interface: path }, consumer));
      expect(views.every(({ addresses }) => addresses.length === 1)).toBe(true);
      expect(asked.filter((path) => path.startsWith('/dubbo/metadata/'))).toHaveLength(1);
      expect(asked.filter((path) => path === INSTANCE)).toHaveLength(1);
      views.forEach((view) => view.unsubscribe());
      pass();
      expect(world.server.list('/services/shop')).toHaveLength(1);
    });
  });

  describe('merges it with the interface level', () => {
    it('one who writes both is one instance, told once, by whoever asks when', () => {
      const early = new View();
      register(greeter(), 'all');
      expect(early.told).toEqual(['add 10.0.0.5:50051']);
      const late = new View();
      expect(late.told).toEqual(['add 10.0.0.5:50051']);
      expect([...early.sets.at(-1)!.keys()]).toEqual([instanceKey(greeter())]);
    });

    it('those at one level each are all there', () => {
      register(greeter({}, { port: 1 }), 'interface');
      register(greeter({}, { port: 2 }), 'instance');
      register(greeter({}, { port: 3 }), 'all');
      expect(new View().addresses).toEqual(['10.0.0.5:1', '10.0.0.5:2', '10.0.0.5:3']);
    });

    it.each(['interface', 'instance'])('no flap when the %s level goes and comes back', (level) => {
      register(greeter(), 'all');
      const view = new View();
      const path = level === 'instance' ? INSTANCE : `/dubbo/${GREETER}/providers/${world.providers(GREETER)[0]}`;
      for (let round = 0; round < 3; round += 1) {
        world.server.remove(path);
        pass();
        // It is restored at once.
        expect(world.server.read(path)).toBeDefined();
      }
      expect(view.told).toEqual(['add 10.0.0.5:50051']);
    });

    it('gone from both it is gone, told once', () => {
      const provider = register(greeter(), 'all');
      const view = new View();
      provider.unsubscribe();
      expect(view.told).toEqual(['add 10.0.0.5:50051', 'delete 10.0.0.5:50051']);
    });

    it('a change on both is one update', () => {
      const { urls } = register(greeter({ weight: '1' }), 'all');
      const view = new View();
      urls.next(greeter({ weight: '2' }));
      pass();
      expect(view.told).toEqual(['add 10.0.0.5:50051 1', 'update 10.0.0.5:50051 2']);
    });

    it('its parameters are those of the level of applications as long as that is there', () => {
      const url = greeter({ weight: '7' });
      register(url, 'interface');
      const view = new View();
      const instance = register(greeter({ weight: '9' }), 'instance');
      instance.unsubscribe();
      expect(view.told).toEqual(['add 10.0.0.5:50051 7', 'update 10.0.0.5:50051 9', 'update 10.0.0.5:50051 7']);
    });
  });

  describe('hostile or unlucky neighbours', () => {
    it.each([
      ['no content', ''],
      ['null', 'null'],
      ['no JSON', '{'],
      ['no payload', '{"name":"shop","address":"h","port":1,"payload":null}'],
      ['a revision of 0', '{"address":"h","port":1,"payload":{"metadata":{"dubbo.metadata.revision":"0"}}}'],
      ['a revision elsewhere', '{"address":"h","port":1,"payload":{"metadata":{"dubbo.metadata.revision":"../x"}}}'],
    ])('harm only themselves: a sibling with %s', (_, content) => {
      register(greeter());
      world.server.create('/services/shop/bad:1', bytes(content));
      const view = new View();
      expect(view.addresses).toEqual(['10.0.0.5:50051']);
      world.server.create('/services/shop/bad:2', bytes(content));
      pass();
      expect(view.told).toEqual(['add 10.0.0.5:50051']);
      const unreadable = mine.warnings.filter(({ code }) => code === 'UNREADABLE_NODE');
      expect(mine.warnings).toEqual(unreadable);
      expect(unreadable.length).toBeLessThanOrEqual(2);
    });

    it('metadata that never comes holds up nobody', () => {
      writeJava();
      world.server.remove(JAVA.metadata);
      register(greeter());
      const view = new View({ interface: '*', group: '*', version: '*' });
      expect(view.addresses).toEqual(['10.0.0.5:50051']);
    });

    it('an instance whose next metadata does not come stays what it was', () => {
      register(greeter({ weight: '3' }));
      const view = new View();
      const content = new TextDecoder().decode(world.server.read(INSTANCE)!.data);
      // By somebody who also keeps the provider from writing it anew.
      world.server.cut();
      world.server.write(INSTANCE, bytes(content.replace(revisionAt(world)!, 'unknown')));
      world.server.heal(mine.backend);
      pass(SESSION_MS / 3);
      expect(view.told).toEqual(['add 10.0.0.5:50051 3']);
    });

    it('services of the metadata that are none are left out', () => {
      const service = { name: GREETER, protocol: 'override', path: GREETER, params: {} };
      const good = { ...service, protocol: 'tri' };
      world.server.create(MAPPING, bytes('shop'));
      world.server.create(
        '/dubbo/metadata/shop/r',
        bytes(JSON.stringify({ services: { bad: service, good, worse: null } })),
      );
      world.server.create(
        INSTANCE,
        bytes(
          '{"address":"10.0.0.5","port":50051,"payload":{"metadata":{"dubbo.metadata.revision":"r","dubbo.metadata.storage-type":"remote"}}}',
        ),
      );
      const view = new View();
      expect(view.addresses).toEqual(['10.0.0.5:50051']);
      expect(mine.warnings.map(({ code }) => code)).toContain('UNREADABLE_NODE');
    });

    it('applications that nobody can be named are not asked for', () => {
      world.server.create(MAPPING, bytes('../x,a/b,,shop'));
      register(greeter());
      expect(new View().addresses).toEqual(['10.0.0.5:50051']);
    });
  });

  describe('outages and refusals', () => {
    it('an outage says nothing, and what changed meanwhile is told after it', () => {
      const { who } = register(greeter());
      register(greeter({}, { port: 2 }));
      const view = new View();
      world.server.cut(mine.backend);
      world.server.cut(who.backend);
      pass(SESSION_MS - 1_000);
      expect(view.addresses).toEqual(['10.0.0.5:2', '10.0.0.5:50051']);
      world.server.expire(who.sessionId);
      world.server.heal(mine.backend);
      pass(REST_MS);
      expect(view.told.slice(2)).toEqual(['delete 10.0.0.5:50051']);
    });

    it('a mapping that somebody removes takes nobody along', () => {
      register(greeter());
      const view = new View();
      world.server.cut();
      world.server.remove(MAPPING);
      world.server.heal();
      pass(REST_MS);
      expect(view.told).toEqual(['add 10.0.0.5:50051']);
    });

    it.each(['/services', '/dubbo/mapping'])('being refused %s is a warning: the interface level is told', (where) => {
      register(greeter(), 'all');
      const consumer = world.registry(
        {},
        refusing(world.backend(), (_, path) => path.startsWith(where)),
      );
      pass();
      const view = new View({ interface: GREETER }, consumer);
      new View({ interface: 'com.acme.Other' }, consumer);
      expect(view.addresses).toEqual(['10.0.0.5:50051']);
      expect(consumer.warnings.map(({ code }) => code)).toEqual(['UNREADABLE_DIRECTORY']);
    });

    it.each([
      ['cannot watch a node, and throws', throws],
      ['fails at it for ever', () => throwError(() => new RegistryError('SERVER_ERROR', 'out of order'))],
    ])('a backend that %s is one warning: the interface level is told', (_, watchNode) => {
      register(greeter(), 'all');
      const backend = world.backend();
      const consumer = world.registry(
        {},
        {
          ...backend,
          states: backend.states.pipe(
            map((state) =>
              state.status === 'connected' ? { ...state, session: withWatchNode(state.session, watchNode) } : state,
            ),
          ),
        },
      );
      pass();
      const view = new View({ interface: GREETER }, consumer);
      // It waits for three attempts in a row, as for whatever passes.
      pass(3 * BACKOFF_MS);
      expect(view.addresses).toEqual(['10.0.0.5:50051']);
      pass(10 * BACKOFF_MS);
      expect(consumer.warnings.map(({ code }) => code)).toEqual(['UNREADABLE_DIRECTORY']);
    });

    it('no leak: who leaves leaves no watch', () => {
      register(greeter(), 'all');
      const before = world.server.watches;
      const views = [new View(), new View(), new View({ interface: '*' })];
      expect(world.server.watches).toBeGreaterThan(before);
      views.forEach((view) => view.unsubscribe());
      pass();
      expect(world.server.watches).toBe(before);
    });
  });

  it('queries for something else than providers hear nothing of instances', () => {
    register(greeter());
    expect(new View(`consumer://10.0.0.9/${GREETER}?category=configurators`).addresses).toEqual([]);
  });

  describe('a query that finds nothing', () => {
    const codes = (): string[] => mine.warnings.map(({ code }) => code);

    it.each(['interface', 'instance'] as const)('names what is there of the interface, at the %s level', (level) => {
      register(greeter({ group: 'g', version: '1.0' }), level);
      new View();
      expect(codes()).toEqual(['OTHER_GROUP_OR_VERSION']);
      expect(mine.warnings[0]!.message).toContain('"g/com.acme.Greeter:1.0"');
    });

    it('does so also when that comes later, and once', () => {
      new View();
      expect(codes()).toEqual([]);
      register(greeter({ version: '1.0' }));
      register(greeter({ version: '2.0' }));
      new View();
      expect(codes()).toEqual(['OTHER_GROUP_OR_VERSION']);
    });

    it('says nothing where there is nothing, or something', () => {
      new View();
      register(greeter({ version: '1.0' }, { port: 1 }));
      register(greeter({}, { port: 2 }));
      mine.warnings.length = 0;
      new View({ interface: GREETER });
      new View({ interface: GREETER, version: '*' });
      expect(codes()).toEqual([]);
    });
  });

  it('applications: who is there, and who comes and goes', () => {
    const told: [string, string[]][][] = [];
    mine.registry.applications().subscribe((applications) => {
      told.push([...applications].map(([name, addresses]) => [name, [...addresses].sort()]));
    });
    pass();
    expect(told).toEqual([[]]);
    const shop = register(greeter(), 'all');
    register(greeter({ application: 'billing' }, { port: 2 }));
    expect(told.at(-1)).toEqual([
      ['shop', ['10.0.0.5:50051']],
      ['billing', ['10.0.0.5:2']],
    ]);
    shop.unsubscribe();
    expect(told.at(-1)).toEqual([['billing', ['10.0.0.5:2']]]);
  });
});

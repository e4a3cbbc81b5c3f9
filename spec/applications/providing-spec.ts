import { Subject } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { instanceKey, type ServiceUrl } from '../../lib/dubbo/index.js';
import { FORMER_REVISION_MS } from '../../lib/applications/providing/formerRevisions.js';
import { BACKOFF_MS, type Inhabitant, refusing, REST_MS, SESSION_MS, World } from '../support/virtual/index.js';
import { contentOf, greeter, GREETER, INSTANCE, MAPPING, revisionAt, Told, weightsAt } from './support/application.js';

const TICK_MS = 10;

describe('a provider of an application', () => {
  let world: World;
  let mine: Inhabitant;
  const pass = (ms = TICK_MS): void => world.time.pass(ms);
  const register = (url: ServiceUrl = greeter(), who = mine): Told => {
    const told = new Told(who.registry.register(url));
    pass();
    return told;
  };
  /** The nodes of the level of applications that were written, in order. */
  const writes = (): string[] => {
    const told: string[] = [];
    const present = new Set(world.server.paths);
    world.server.events.subscribe((event) => {
      if (event.type !== 'changed') return;
      for (const path of event.changes.nodes) {
        const what = !world.server.read(path) ? 'remove' : present.has(path) ? 'write' : 'create';
        if (what === 'remove') present.delete(path);
        else present.add(path);
        if (/^\/(services\/shop|dubbo\/mapping|dubbo\/metadata\/shop|dubbo\/shop)\//.test(path))
          told.push(`${what} ${path}`);
      }
    });
    return told;
  };

  beforeEach(() => {
    world = new World();
    mine = world.connected();
  });

  describe('is registered at both levels', () => {
    it('with an instance, the metadata for Java and for dubbo-go, and the mapping', () => {
      const told = register(greeter({ weight: '150', group: 'g', version: '1.0' }));
      expect(told.statuses).toEqual(['pending', 'registered interface+instance']);
      expect(world.providers(GREETER)).toHaveLength(1);
      expect(contentOf(world, MAPPING)).toBe('shop');
      const revision = revisionAt(world)!;
      const metadata = contentOf(world, `/dubbo/metadata/shop/${revision}`);
      expect(JSON.parse(metadata!)).toEqual({
        app: 'shop',
        revision,
        services: {
          'g/com.acme.Greeter:1.0:tri': {
            group: 'g',
            name: GREETER,
            path: GREETER,
            port: 50051,
            protocol: 'tri',
            version: '1.0',
            params: {
              application: 'shop',
              group: 'g',
              interface: GREETER,
              release: 'spec',
              side: 'provider',
              version: '1.0',
              weight: '150',
            },
          },
        },
      });
      expect(contentOf(world, `/dubbo/shop/${revision}`)).toBe(metadata);
      expect(JSON.parse(contentOf(world, INSTANCE)!)).toMatchObject({
        name: 'shop',
        id: '10.0.0.5:50051',
        address: '10.0.0.5',
        port: 50051,
        payload: { '@class': 'org.apache.dubbo.registry.zookeeper.ZookeeperInstance' },
      });
      expect(world.server.read(INSTANCE)?.owner).toBe(mine.sessionId);
      expect(world.server.read(MAPPING)?.owner).toBeUndefined();
    });

    it('with the instance last: a Java consumer that finds it without its metadata drops it', () => {
      const seen = writes();
      register();
      const created = seen.filter((event) => event.startsWith('create'));
      expect(created.at(-1)).toContain(INSTANCE);
      expect(created.some((event) => event.includes('/dubbo/metadata/shop/'))).toBe(true);
      expect(created.some((event) => event.includes(MAPPING))).toBe(true);
    });

    it('and is gone from both when it is released', () => {
      const told = register();
      told.unsubscribe();
      pass();
      expect(world.server.read(INSTANCE)).toBeUndefined();
      expect(world.providers(GREETER)).toEqual([]);
      expect(world.server.watches).toBe(0);
      // Nobody takes the mapping back: others may rely on it.
      expect(contentOf(world, MAPPING)).toBe('shop');
    });

    it('with one node for all that is registered at an address, written once', () => {
      const seen = writes();
      const paths = Array.from({ length: 100 }, (_, index) => `com.acme.Service${index}`);
      const told = paths.map((path) => new Told(mine.registry.register(greeter({}, { path }))));
      pass();
      expect(told.every(({ last }) => last === 'registered interface+instance')).toBe(true);
      expect(world.server.list('/services/shop')).toEqual(['10.0.0.5:50051']);
      expect(seen.filter((event) => event.includes(INSTANCE))).toHaveLength(1);
      expect(seen.filter((event) => event.includes('/dubbo/metadata/shop/'))).toHaveLength(1);
      expect(Object.keys(weightsAt(world)!).sort()).toEqual(paths.sort());
      told.slice(1).forEach((each) => each.unsubscribe());
      pass();
      expect(Object.keys(weightsAt(world)!)).toEqual(['com.acme.Service0']);
      told[0]!.unsubscribe();
      pass();
      expect(world.server.list('/services/shop')).toEqual([]);
    });

    it('with a node for each port', () => {
      register(greeter());
      register(greeter({}, { port: 50052 }));
      expect([...world.server.list('/services/shop')].sort()).toEqual(['10.0.0.5:50051', '10.0.0.5:50052']);
    });

    it('in the application that the registry has, where its URL names none', () => {
      const other = world.connected({ application: 'billing' });
      const url = greeter().with({ parameters: { application: undefined } });
      const told = register(url, other);
      expect(told.last).toBe('registered interface+instance');
      expect(told.states.at(-1)!.url.parameter('application')).toBe('billing');
      expect(world.server.list('/services')).toEqual(['billing']);
    });

    it('in the directory of the group, if there is one', () => {
      const other = world.connected({ group: 'eu' });
      register(greeter(), other);
      expect(world.server.list('/eu/shop')).toEqual(['10.0.0.5:50051']);
      expect(contentOf(world, `/eu/mapping/${GREETER}`)).toBe('shop');
      expect(world.server.list('/eu/metadata/shop')).toHaveLength(1);
      expect(world.server.list('/services')).toEqual([]);
    });
  });

  describe('is registered at the levels that the mode asks for', () => {
    it('interface: nothing but the node of the service', () => {
      const other = world.connected({ registerMode: 'interface' });
      expect(register(greeter(), other).statuses).toEqual(['pending', 'registered interface']);
      expect(world.server.list('/services')).toEqual([]);
      expect(world.server.list('/dubbo')).toEqual([GREETER]);
    });

    it('instance: nothing but the instance', () => {
      const other = world.connected({ registerMode: 'instance' });
      const told = register(greeter(), other);
      expect(told.statuses).toEqual(['pending', 'registered instance']);
      expect(told.states.at(-1)).toMatchObject({ path: INSTANCE });
      expect(world.providers(GREETER)).toEqual([]);
      told.unsubscribe();
      pass();
      expect(world.server.read(INSTANCE)).toBeUndefined();
      expect(world.server.watches).toBe(0);
    });

    it('instance: a second live registration of the same service is an error', () => {
      const other = world.connected({ registerMode: 'instance' });
      const first = register(greeter(), other);
      const second = register(greeter(), other);
      expect(second.error).toMatchObject({ code: 'DUPLICATE_REGISTRATION', key: instanceKey(greeter()) });
      expect(first.last).toBe('registered instance');
      first.unsubscribe();
      expect(register(greeter(), other).last).toBe('registered instance');
    });

    it.each([
      ['no application', greeter().with({ parameters: { application: undefined } }), /application/],
      ['an application that none can be', greeter({ application: 'a,b' }), /"a,b"/],
      ['a path that is not the interface', greeter({ interface: 'other.Greeter' }), /path to be the interface/],
      ['dynamic=false', greeter({ dynamic: 'false' }), /dynamic=false/],
    ])('instance: %s is an error', (_, url, message) => {
      const other = world.connected({ registerMode: 'instance' });
      const told = register(url, other);
      expect(told.error).toMatchObject({ code: 'INVALID_URL', message: expect.stringMatching(message) as string });
      expect(world.server.paths).toEqual(['/']);
    });

    it.each([
      ['no application', greeter().with({ parameters: { application: undefined } }), []],
      ['an application that none can be', greeter({ application: 'a,b' }), ['UNFIT_FOR_APPLICATION']],
      ['a path that is not the interface', greeter({ interface: 'other.Greeter' }), ['UNFIT_FOR_APPLICATION']],
      ['dynamic=false', greeter({ dynamic: 'false' }), ['UNFIT_FOR_APPLICATION']],
    ])('all: %s leaves the interface level, with one warning', (_, url, codes) => {
      expect(register(url).last).toBe('registered interface');
      expect(mine.warnings.map(({ code }) => code)).toEqual(codes);
      expect(world.server.list('/services')).toEqual([]);
    });

    it('all: one that is switched off is at the interface level only, for the other one does not heed it', () => {
      const urls = new Subject<ServiceUrl>();
      const told = new Told(mine.registry.register(urls));
      urls.next(greeter());
      pass();
      urls.next(greeter({ disabled: 'true' }));
      pass();
      expect(told.last).toBe('registered interface');
      expect(world.server.read(INSTANCE)).toBeUndefined();
      urls.next(greeter());
      pass();
      expect(told.last).toBe('registered interface+instance');
    });

    it('consumers and rules are at the interface level in every mode', () => {
      const other = world.connected({ registerMode: 'instance' });
      const consumer = new Told(other.registry.register(`consumer://10.0.0.9/${GREETER}?application=shop`));
      pass();
      expect(consumer.last).toBe('registered interface');
      expect(world.server.list('/services')).toEqual([]);
    });

    it.each([
      { registerMode: 'both' as 'all' },
      { application: 'a b' },
      { application: '' },
      { application: 7 as unknown as string },
    ])('refuses %j', (options) => {
      expect(() => world.registry(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
    });
  });

  describe('changes', () => {
    it('by one write in place, after the metadata of the new revision', () => {
      const urls = new Subject<ServiceUrl>();
      const told = new Told(mine.registry.register(urls));
      urls.next(greeter({ weight: '1' }));
      pass();
      const before = revisionAt(world);
      const seen = writes();
      urls.next(greeter({ weight: '2', timestamp: '1800000000000' }));
      pass();
      expect(told.statuses.slice(2)).toEqual(['pending', 'registered interface+instance']);
      expect(revisionAt(world)).not.toBe(before);
      expect(weightsAt(world)).toEqual({ [GREETER]: '2' });
      expect(seen.filter((event) => event.includes('/services/'))).toEqual([`write ${INSTANCE}`]);
      expect(seen.at(-1)).toBe(`write ${INSTANCE}`);
      // Java warms a provider up from when it was started, not from when it was changed.
      expect(contentOf(world, INSTANCE)).toContain('"timestamp":"1700000000000"');
    });

    it('of one service say nothing of the others of its instance', () => {
      const other = register(greeter({}, { path: 'com.acme.Other' }));
      const urls = new Subject<ServiceUrl>();
      new Told(mine.registry.register(urls));
      urls.next(greeter({ weight: '1' }));
      pass();
      urls.next(greeter({ weight: '2' }));
      pass();
      expect(weightsAt(world)).toEqual({ [GREETER]: '2', 'com.acme.Other': undefined });
      expect(other.statuses).toEqual(['pending', 'registered interface+instance']);
    });

    it('of the address leave no moment without an instance', () => {
      const urls = new Subject<ServiceUrl>();
      new Told(mine.registry.register(urls));
      urls.next(greeter());
      pass();
      const seen = writes();
      urls.next(greeter({}, { port: 50052 }));
      pass();
      const instances = seen.filter((event) => event.includes('/services/'));
      expect(instances).toEqual(['create /services/shop/10.0.0.5:50052', `remove ${INSTANCE}`]);
    });

    it('that are withdrawn take the instance back', () => {
      const urls = new Subject<ServiceUrl | undefined>();
      const told = new Told(mine.registry.register(urls));
      urls.next(greeter());
      pass();
      urls.next(undefined);
      pass();
      expect(told.last).toBe('withdrawn');
      expect(world.server.read(INSTANCE)).toBeUndefined();
    });
  });

  describe('convergence', () => {
    it.each([INSTANCE, MAPPING])('%s is restored when somebody removes it', (path) => {
      const told = register();
      const before = contentOf(world, path);
      world.server.remove(path);
      pass();
      expect(contentOf(world, path)).toBe(before);
      expect(told.last).toBe('registered interface+instance');
    });

    it.each(['/dubbo/metadata/shop', '/dubbo/shop'])(
      'the metadata in %s is restored when somebody removes it',
      (directory) => {
        register();
        const path = `${directory}/${revisionAt(world)}`;
        const before = contentOf(world, path);
        world.server.remove(path);
        pass();
        expect(contentOf(world, path)).toBe(before);
      },
    );

    it.each([INSTANCE, '/dubbo/metadata/shop'])('what somebody wrote over is written anew: below %s', (where) => {
      register();
      const path = where === INSTANCE ? where : `${where}/${revisionAt(world)}`;
      const before = contentOf(world, path);
      world.server.write(path, new TextEncoder().encode('null'));
      pass();
      expect(contentOf(world, path)).toBe(before);
    });

    it('a session that was lost is followed by everything anew', () => {
      const told = register();
      world.server.expire(mine.backend);
      world.server.remove(MAPPING);
      pass(REST_MS);
      expect(told.last).toBe('registered interface+instance');
      expect(world.server.read(INSTANCE)?.owner).toBe(mine.sessionId);
      expect(contentOf(world, MAPPING)).toBe('shop');
    });

    it('a session that survives an outage touches nothing: no flap', () => {
      const told = register();
      const version = world.server.read(INSTANCE)?.version;
      world.server.cut();
      pass(SESSION_MS - 500);
      expect(told.last).toBe('suspended');
      world.server.heal();
      pass(REST_MS);
      expect(told.last).toBe('registered interface+instance');
      expect(world.server.read(INSTANCE)?.version).toBe(version);
    });

    it('released during an outage it is gone after it: no ghost', () => {
      const told = register();
      world.server.cut();
      pass(SESSION_MS / 3);
      told.unsubscribe();
      pass();
      world.server.heal();
      pass(REST_MS);
      expect(world.server.read(INSTANCE)).toBeUndefined();
    });

    it('an answer that was lost is resolved by reading', () => {
      world.server.loseAnswers(4);
      const told = register();
      pass(REST_MS);
      expect(told.last).toBe('registered interface+instance');
      told.unsubscribe();
      pass(REST_MS);
      expect(world.server.read(INSTANCE)).toBeUndefined();
    });

    it('the node of a process that died is taken over, and does not go with it', () => {
      const dead = world.connected();
      register(greeter(), dead);
      world.server.cut(dead.backend);
      const told = register();
      expect(told.last).toBe('registered interface+instance');
      pass(REST_MS);
      expect(world.server.read(INSTANCE)?.owner).toBe(mine.sessionId);
    });

    it('two live processes do not fight for ever: the first one says so, and the interface level stands', async () => {
      const told = register();
      const other = world.connected();
      register(greeter({}, { path: 'com.acme.Other' }), other);
      pass(10 * SESSION_MS);
      expect(world.server.read(INSTANCE)?.owner).toBe(other.sessionId);
      expect(told.last).toBe('registered interface');
      expect(mine.warnings.map(({ code }) => code)).toEqual(['REFUSED_INSTANCE']);
      await world.time.settle(other.registry.close());
      pass(REST_MS);
      expect(told.last).toBe('registered interface+instance');
    });
  });

  describe('the mapping', () => {
    it('is shared with other applications', () => {
      world.server.create(MAPPING, new TextEncoder().encode('billing, front'));
      register();
      expect(contentOf(world, MAPPING)).toBe('billing,front,shop');
    });

    it('loses no application, whoever writes at the same time', () => {
      const others = Array.from({ length: 5 }, () => world.connected());
      const told = others.map((who, index) => new Told(who.registry.register(greeter({ application: `app${index}` }))));
      pass(REST_MS);
      expect(contentOf(world, MAPPING)!.split(',').sort()).toEqual(['app0', 'app1', 'app2', 'app3', 'app4']);
      expect(told.every(({ last }) => last === 'registered interface+instance')).toBe(true);
    });
  });

  describe('a registry that refuses the level of applications', () => {
    const refused = (options = {}): Inhabitant => {
      const who = world.registry(
        options,
        refusing(world.backend(), (_, path) => path.startsWith('/services')),
      );
      pass();
      return who;
    };

    it('all: one warning, and the other level stands', () => {
      const who = refused();
      const told = register(greeter(), who);
      pass(20 * BACKOFF_MS);
      expect(told.last).toBe('registered interface');
      expect(told.error).toBeUndefined();
      expect(who.warnings.map(({ code }) => code)).toEqual(['REFUSED_INSTANCE']);
      told.unsubscribe();
      pass();
      expect(world.server.watches).toBe(0);
    });

    it('instance: an error', () => {
      const told = register(greeter(), refused({ registerMode: 'instance' }));
      expect(told.error).toMatchObject({ code: 'NOT_AUTHORIZED' });
    });
  });

  describe('the metadata of a revision that nobody names any more', () => {
    const revisions = (): string[] => [...world.server.list('/dubbo/metadata/shop')].sort();
    const change = (): { before: string; after: string; told: Told } => {
      const urls = new Subject<ServiceUrl>();
      const told = new Told(mine.registry.register(urls));
      urls.next(greeter({ weight: '1' }));
      pass();
      const before = revisionAt(world)!;
      urls.next(greeter({ weight: '2' }));
      pass();
      return { before, after: revisionAt(world)!, told };
    };

    it('is taken back after ten minutes, in both places', () => {
      const { before, after } = change();
      pass(FORMER_REVISION_MS - 1_000);
      expect(revisions()).toEqual([before, after].sort());
      pass(2_000);
      expect(revisions()).toEqual([after]);
      expect(world.server.list('/dubbo/shop')).toEqual([after]);
    });

    it('stays as long as another process has it', () => {
      const { before, after } = change();
      const other = world.connected();
      // Its host does not count for the revision.
      const told = register(greeter({ weight: '1' }).with({ host: '10.0.0.6' }), other);
      expect(revisionAt(world, '/services/shop/10.0.0.6:50051')).toBe(before);
      pass(FORMER_REVISION_MS + 1_000);
      expect(revisions()).toEqual([before, after].sort());
      void told;
    });

    it('stays when it is wanted again', () => {
      const urls = new Subject<ServiceUrl>();
      new Told(mine.registry.register(urls));
      for (const weight of ['1', '2', '1']) {
        urls.next(greeter({ weight }));
        pass();
      }
      pass(FORMER_REVISION_MS + 1_000);
      expect(revisions()).toEqual([revisionAt(world)]);
    });
  });

  it('provide: resolves when both levels stand, and release when both are taken back', async () => {
    const provision = await world.time.settle(mine.registry.provide(greeter()));
    expect(world.server.read(INSTANCE)).toBeDefined();
    await world.time.settle(provision.release());
    expect(world.server.read(INSTANCE)).toBeUndefined();
    expect(world.providers(GREETER)).toEqual([]);
  });

  it('close: takes the instance back before it ends the session', async () => {
    register();
    const seen = writes();
    await world.time.settle(mine.registry.close());
    expect(seen).toContain(`remove ${INSTANCE}`);
    expect(world.time.timers).toBe(0);
  });
});

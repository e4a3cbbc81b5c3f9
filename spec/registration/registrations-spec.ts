import { Subject, take } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { whileConnected } from '../../lib/connection/index.js';
import type { ServiceUrl } from '../../lib/dubbo/index.js';
import { DuplicateRegistrationError } from '../../lib/errors.js';
import { seededRandom } from '../../lib/testing/seededRandom.js';
import { ConsumerRecord } from '../support/scenario/consumerRecord.js';
import { RegistrationRecord } from '../support/scenario/registrationRecord.js';
import {
  BACKOFF_MS,
  type Inhabitant,
  pathOf,
  provider,
  refusing,
  REST_MS,
  SERVICE,
  SESSION_MS,
  World,
} from '../support/virtual/index.js';

const A = provider('a');
const B = provider('b');

describe('a registration', () => {
  let world: World;
  let mine: Inhabitant;

  beforeEach(() => {
    world = new World();
    mine = world.connected();
  });

  const register = (url: ServiceUrl = A, who = mine): RegistrationRecord => {
    const record = new RegistrationRecord(who.registry, url);
    world.time.pass(0);
    return record;
  };
  const node = (url: ServiceUrl = A) => world.server.read(pathOf(url));
  const pass = (ms: number) => world.time.pass(ms);

  it('is pending, then registered, and its node belongs to the session', () => {
    const registration = register();
    expect(registration.statuses).toEqual(['pending', 'registered']);
    expect(node()?.owner).toBe(mine.sessionId);
  });

  it('that cannot be read is asked for no more often than its backoff allows, and removed once it can be', () => {
    let isReadable = true;
    let asked = 0;
    const who = world.registry(
      {},
      refusing(world.backend(), (method) => {
        if (isReadable || method === 'list') return false;
        asked += 1;
        // What is made is said to have failed, so that only reading tells.
        return method === 'create' ? 'after' : true;
      }),
    );
    const registration = register(A, who);
    expect(registration.status).toBe('registered');
    isReadable = false;
    world.server.remove(pathOf(A));
    pass(60_000);
    const [askedBefore, timers] = [asked, world.time.timers];
    const MINUTES_MS = 15 * 60_000;
    pass(MINUTES_MS);
    // Half of the longest wait lies between two attempts, for the node and for its watch.
    expect(asked - askedBefore).toBeLessThanOrEqual(2 * (MINUTES_MS / (BACKOFF_MS / 2)) + 2);
    expect(world.time.timers).toBe(timers);
    expect(node()).toBeDefined();
    registration.unsubscribe();
    pass(60_000);
    expect(node()).toBeDefined();
    isReadable = true;
    pass(BACKOFF_MS);
    expect(node()).toBeUndefined();
  });

  it('no ghost: a persistent node that was made and said to have failed is taken back', () => {
    const who = world.registry(
      {},
      refusing(world.backend(), (method) => method === 'create' && 'after'),
    );
    const url = provider('a', { dynamic: 'false' });
    const registration = register(url, who);
    expect(registration.status).toBe('pending');
    expect(node(url)).toBeDefined();
    registration.unsubscribe();
    pass(BACKOFF_MS);
    expect(node(url)).toBeUndefined();
  });

  describe('convergence', () => {
    it('the same session after an outage: nothing is made again', () => {
      const registration = register();
      const before = node();
      world.server.cut();
      pass(1_000);
      expect(registration.status).toBe('suspended');
      world.server.heal();
      pass(BACKOFF_MS);
      expect(registration.statuses).toEqual(['pending', 'registered', 'suspended', 'registered']);
      expect(node()).toEqual(before);
    });

    it('a session that only our clock gave up and that the server resumes: nothing is made again', () => {
      const registration = register();
      const before = node();
      world.server.stop();
      pass(3 * SESSION_MS);
      expect(registration.status).toBe('pending');
      world.server.start();
      pass(REST_MS);
      expect(registration.status).toBe('registered');
      expect(node()).toEqual(before);
    });

    it('a new session: the node is made again, and belongs to it', () => {
      const registration = register();
      const before = mine.sessionId;
      world.server.expire(before);
      expect(node()).toBeUndefined();
      pass(REST_MS);
      expect(mine.sessionId).not.toBe(before);
      expect(node()?.owner).toBe(mine.sessionId);
      expect(registration.status).toBe('registered');
    });

    it('deleted by hand: it comes back', () => {
      register();
      world.server.remove(pathOf(A));
      pass(0);
      expect(node()?.owner).toBe(mine.sessionId);
    });

    it('deleted by hand during an outage: it comes back after it', () => {
      register();
      world.server.cut();
      world.server.remove(pathOf(A));
      pass(1_000);
      world.server.heal();
      pass(BACKOFF_MS);
      expect(node()?.owner).toBe(mine.sessionId);
    });

    it('deleted by hand several times in a row, it comes back, however answers and watches overtake each other', () => {
      for (let seed = 0; seed < 20; seed += 1) {
        const apart = new World({ latencyMs: 1 });
        apart.server.reorder(10, seededRandom(seed));
        const { registry } = apart.registry();
        const registration = new RegistrationRecord(registry, A);
        apart.time.pass(REST_MS);
        for (let round = 0; round < 8; round += 1) {
          apart.server.remove(pathOf(A));
          apart.time.pass(5);
        }
        apart.time.pass(BACKOFF_MS);
        expect([registration.status, apart.providers().length], `seed ${seed}`).toEqual(['registered', 1]);
      }
    });

    it('the tree wiped: it comes back, with every directory above it', () => {
      register();
      register(B);
      world.server.remove('/dubbo');
      pass(0);
      expect(world.providers()).toHaveLength(2);
    });
  });

  describe('single registration', () => {
    it('a fast restart takes over the node of the session that ends, and nobody who watches sees a thing: no flap', () => {
      const watcher = world.connected();
      const consumer = new ConsumerRecord(watcher.registry, { interface: SERVICE });
      register();
      expect(consumer.told).toEqual(['add a:20880']);
      world.server.cut(mine.sessionId);
      const restarted = world.connected();
      const registration = register(A, restarted);
      expect(registration.status).toBe('registered');
      expect(node()?.owner).toBe(restarted.sessionId);
      pass(2 * SESSION_MS);
      expect(world.server.sessions).not.toContain(mine.sessionId);
      expect(node()?.owner).toBe(restarted.sessionId);
      expect(consumer.told).toEqual(['add a:20880']);
    });

    it('an answer that was lost leaves exactly one node', () => {
      world.server.loseAnswers(1);
      const registration = register();
      expect(world.providers()).toHaveLength(1);
      pass(REST_MS);
      expect(registration.status).toBe('registered');
      expect(world.providers()).toHaveLength(1);
      expect(node()?.owner).toBe(mine.sessionId);
    });

    it('an answer that was lost before the registration was released leaves no node: no ghost', () => {
      world.server.loseAnswers(1);
      const registration = register();
      registration.unsubscribe();
      pass(REST_MS);
      expect(world.providers()).toEqual([]);
      expect(world.server.watches).toBe(0);
    });

    it('written over by hand, so that it belongs to nobody, it is ours again at once, and goes with us: no ghost', () => {
      const registration = register();
      for (let round = 0; round < 3; round += 1) {
        world.server.change({ remove: [pathOf(A)], create: [pathOf(A)] });
        pass(0);
        expect(node()?.owner).toBe(mine.sessionId);
        expect(registration.status).toBe('registered');
      }
      expect(mine.warnings).toEqual([]);
      registration.unsubscribe();
      pass(0);
      expect(node()).toBeUndefined();
    });

    it('two live registrations of one path take it over once: a warning, one winner', () => {
      const other = world.connected();
      const first = register();
      const second = register(A, other);
      const version = node()?.version;
      pass(20 * SESSION_MS);
      expect(node()?.version, 'nothing was written since').toBe(version);
      expect(node()?.owner).toBe(other.sessionId);
      expect(second.status).toBe('registered');
      expect(first.states.at(-1)).toMatchObject({ status: 'pending', cause: { code: 'CONTESTED_REGISTRATION' } });
      expect(mine.warnings.map(({ code }) => code)).toEqual(['CONTESTED_REGISTRATION']);
      expect(other.warnings).toEqual([]);
    });

    it('two live registrations of one path do not take it over after outages either: once a session', () => {
      const other = world.connected();
      register();
      register(A, other);
      const versions = new Set([node()?.version]);
      for (let round = 0; round < 10; round += 1) {
        world.server.cut();
        pass(200);
        world.server.heal();
        for (let step = 0; step < 20; step += 1) {
          pass(100);
          versions.add(node()?.version);
        }
      }
      expect(versions.size).toBe(1);
    });

    it('the loser comes back when the winner leaves', () => {
      const other = world.connected();
      const first = register();
      const second = register(A, other);
      expect(first.status).toBe('pending');
      second.unsubscribe();
      pass(0);
      expect(first.status).toBe('registered');
      expect(node()?.owner).toBe(mine.sessionId);
    });

    it('the loser comes back when the winner’s session ends', () => {
      const other = world.connected();
      const first = register();
      register(A, other);
      world.server.cut(other.sessionId);
      pass(2 * SESSION_MS);
      expect(first.status).toBe('registered');
      expect(node()?.owner).toBe(mine.sessionId);
    });
  });

  describe('no ghost', () => {
    it('unsubscribed, its node goes, and its watch', () => {
      const registration = register();
      expect(world.server.watches).toBe(1);
      registration.unsubscribe();
      pass(0);
      expect(node()).toBeUndefined();
      expect(world.server.watches).toBe(0);
    });

    it('unsubscribed during an outage, it is taken back when the session survives', () => {
      const registration = register();
      world.server.cut();
      pass(1_000);
      registration.unsubscribe();
      expect(node()).toBeDefined();
      world.server.heal();
      pass(BACKOFF_MS);
      expect(node()).toBeUndefined();
      pass(REST_MS);
      expect(world.providers()).toEqual([]);
    });

    it('unsubscribed during an outage that the session does not survive, it never comes back', () => {
      const registration = register();
      world.server.cut();
      pass(1_000);
      registration.unsubscribe();
      pass(2 * SESSION_MS);
      world.server.heal();
      pass(REST_MS);
      expect(world.providers()).toEqual([]);
      expect(mine.states.status).toBe('connected');
      expect(world.server.watches).toBe(0);
    });

    it('unsubscribed during an outage and taken over meanwhile, the other’s node stays', () => {
      const registration = register();
      world.server.cut(mine.sessionId);
      registration.unsubscribe();
      const restarted = world.connected();
      register(A, restarted);
      world.server.heal();
      pass(REST_MS);
      expect(node()?.owner).toBe(restarted.sessionId);
    });

    it('unsubscribed while it is being made, it is removed again', () => {
      const slow = new World({ latencyMs: 50 });
      const { registry } = slow.registry();
      slow.time.pass(200);
      const registration = registry.register(A).subscribe();
      slow.time.pass(10);
      registration.unsubscribe();
      slow.time.pass(50);
      expect(slow.providers()).toHaveLength(1);
      slow.time.pass(300);
      expect(slow.providers()).toEqual([]);
      expect(slow.server.watches).toBe(0);
    });

    it('unsubscribed before there ever was a connection, it sends nothing', () => {
      const late = new World();
      late.server.stop();
      const { registry } = late.registry();
      const registration = registry.register(A).subscribe();
      late.time.pass(1_000);
      registration.unsubscribe();
      late.server.start();
      late.time.pass(REST_MS);
      expect(late.server.paths).toEqual(['/']);
      expect(late.server.watches).toBe(0);
    });

    it('a late removal never removes a newer node: it is conditional on the owner', () => {
      const slow = new World({ latencyMs: 50 });
      const former = slow.registry();
      const newer = slow.registry();
      slow.time.pass(200);
      const registration = former.registry.register(A).subscribe();
      slow.time.pass(300);
      newer.registry.register(A).subscribe();
      // The take-over reaches the server after 250 ms, and its former owner learns of it after 300.
      slow.time.pass(225);
      registration.unsubscribe();
      slow.time.pass(35);
      const taken = slow.server.read(pathOf(A));
      expect(taken?.owner).toBe(newer.sessionId);
      slow.time.pass(1_000);
      expect(slow.server.read(pathOf(A))).toEqual(taken);
    });

    it('brought back by an older copy of the data under a session that goes on, it is removed, and what is wanted stays', () => {
      const watcher = world.connected();
      const consumer = new ConsumerRecord(watcher.registry, { interface: SERVICE });
      const stays = register(B);
      const registration = register();
      const persistent = provider('p', { dynamic: 'false' });
      const other = register(persistent);
      const copy = world.server.backup();
      registration.unsubscribe();
      other.unsubscribe();
      pass(0);
      expect(world.providers()).toHaveLength(1);
      const session = mine.sessionId;
      world.server.restore(copy, 'resumable');
      expect(world.providers(), 'the copy has them').toHaveLength(3);
      pass(REST_MS);
      expect(mine.sessionId, 'the session went on').toBe(session);
      expect(world.providers()).toHaveLength(1);
      expect(consumer.addresses).toEqual(['b:20880']);
      expect(stays.status).toBe('registered');
    });

    it('brought back by an older copy, what the user made with the session stays', () => {
      register().unsubscribe();
      mine.registry.states
        .pipe(
          take(1),
          whileConnected((session) => session.create('/leader', { ephemeral: true })),
        )
        .subscribe();
      pass(0);
      world.server.restore(world.server.backup(), 'resumable');
      pass(REST_MS);
      expect(world.server.read('/leader')?.owner).toBe(mine.sessionId);
    });

    it('brought back by an older copy, the persistent node of a later process stays', () => {
      const persistent = provider('p', { dynamic: 'false' });
      register(persistent).unsubscribe();
      pass(0);
      world.server.create(pathOf(persistent));
      world.server.restore(world.server.backup(), 'resumable');
      pass(REST_MS);
      expect(node(persistent)).toBeDefined();
    });

    it('subscribed, unsubscribed and subscribed again in one tick, it stands', () => {
      const one = mine.registry.register(A).subscribe();
      one.unsubscribe();
      const two = new RegistrationRecord(mine.registry, A);
      pass(0);
      expect(two.status).toBe('registered');
      two.unsubscribe();
      const three = new RegistrationRecord(mine.registry, A);
      pass(0);
      expect(three.statuses).toEqual(['pending', 'registered']);
      pass(SESSION_MS);
      expect(node()?.owner).toBe(mine.sessionId);
      three.unsubscribe();
      pass(0);
      expect(node()).toBeUndefined();
    });
  });

  describe('of a stream of urls', () => {
    it('moves without a gap: a watcher sees one update for a changed weight', () => {
      const consumer = new ConsumerRecord(world.connected().registry, { interface: SERVICE });
      const urls = new Subject<ServiceUrl>();
      const registration = new RegistrationRecord(mine.registry, urls);
      urls.next(provider('a', { weight: '100' }));
      pass(0);
      urls.next(provider('a', { weight: '200', timestamp: '1700000000001' }));
      pass(0);
      expect(consumer.told).toEqual(['add a:20880', 'update a:20880']);
      expect(world.providers()).toHaveLength(1);
      registration.unsubscribe();
      pass(0);
      expect(world.providers()).toEqual([]);
    });

    it('moves within its directory in one transaction: the new node and the end of the old one are one step', () => {
      const changes: string[] = [];
      world.server.events.subscribe((event) => {
        if (event.type !== 'changed') return;
        const { added = [], removed = [] } = event.changes.directories.get(`/dubbo/${SERVICE}/providers`) ?? {};
        if (added.length + removed.length > 0) changes.push(`+${added.length} -${removed.length}`);
      });
      const urls = new Subject<ServiceUrl>();
      const registration = new RegistrationRecord(mine.registry, urls);
      for (const weight of ['1', '2', '3', '1']) {
        urls.next(provider('a', { weight }));
        pass(0);
        expect(registration.status).toBe('registered');
      }
      expect(changes).toEqual(['+1 -0', '+1 -1', '+1 -1', '+1 -1']);
      expect(world.server.watches).toBe(1);
      registration.unsubscribe();
      pass(0);
      expect(changes.at(-1)).toBe('+0 -1');
    });

    it('moves a persistent node without making the old one again', () => {
      const urls = new Subject<ServiceUrl>();
      new RegistrationRecord(mine.registry, urls);
      const seen: number[] = [];
      world.server.events.subscribe(() => seen.push(world.providers().length));
      for (const weight of ['1', '2']) {
        urls.next(provider('a', { weight, dynamic: 'false' }));
        pass(0);
      }
      expect(seen.filter((count, index) => count !== seen[index - 1])).toEqual([1, 2, 1]);
    });

    it('moves all the same where the old node is gone, or somebody else has made the new one', () => {
      const urls = new Subject<ServiceUrl>();
      const registration = new RegistrationRecord(mine.registry, urls);
      const [one, two, three] = ['1', '2', '3'].map((weight) => provider('a', { weight })) as [
        ServiceUrl,
        ServiceUrl,
        ServiceUrl,
      ];
      urls.next(one);
      pass(0);
      world.server.remove(pathOf(one));
      urls.next(two);
      pass(0);
      world.server.create(pathOf(three));
      urls.next(three);
      pass(0);
      expect(registration.status).toBe('registered');
      expect(world.providers()).toEqual([pathOf(three).split('/').at(-1)]);
      expect(node(three)?.owner).toBe(mine.sessionId);
    });

    it('stays where it was when the move fails, and moves when it can', () => {
      let failing = false;
      const who = world.registry(
        {},
        refusing(world.backend(), (method) => (method === 'move' || method === 'create') && failing && 'before'),
      );
      const urls = new Subject<ServiceUrl>();
      const registration = new RegistrationRecord(who.registry, urls);
      urls.next(A);
      pass(0);
      failing = true;
      urls.next(B);
      pass(2_000);
      expect([registration.status, world.providers().length, node(A)?.owner]).toEqual(['pending', 1, who.sessionId]);
      world.server.expire(who.backend);
      pass(REST_MS);
      failing = false;
      pass(REST_MS);
      expect(registration.status).toBe('registered');
      expect(world.providers()).toEqual([pathOf(B).split('/').at(-1)]);
    });

    it('keeps only the newest of urls that come faster than they can be registered', () => {
      const urls = new Subject<ServiceUrl>();
      new RegistrationRecord(mine.registry, urls);
      for (const host of ['a', 'b', 'c', 'b', 'd']) urls.next(provider(host));
      pass(0);
      expect(world.providers()).toEqual([pathOf(provider('d')).split('/').at(-1)]);
      expect(world.server.watches).toBe(1);
    });

    it('keeps the old node during an outage until the new one stands', () => {
      const urls = new Subject<ServiceUrl>();
      new RegistrationRecord(mine.registry, urls);
      urls.next(A);
      pass(0);
      world.server.cut();
      pass(100);
      urls.next(B);
      pass(500);
      expect(node(A)).toBeDefined();
      world.server.heal();
      pass(BACKOFF_MS);
      expect([node(A), node(B)?.owner]).toEqual([undefined, mine.sessionId]);
    });

    it('is withdrawn by undefined until the next url', () => {
      const urls = new Subject<ServiceUrl | undefined>();
      const registration = new RegistrationRecord(mine.registry, urls);
      urls.next(undefined);
      expect(registration.statuses).toEqual([]);
      urls.next(A);
      pass(0);
      urls.next(undefined);
      expect(registration.status).toBe('withdrawn');
      const other = new RegistrationRecord(mine.registry, A);
      expect(other.error, 'somebody else may register it').toBeUndefined();
      other.unsubscribe();
      pass(0);
      urls.next(B);
      pass(0);
      expect(registration.statuses).toEqual(['pending', 'registered', 'withdrawn', 'pending', 'registered']);
      expect(node(B)?.owner).toBe(mine.sessionId);
      urls.next(undefined);
      urls.next(B);
      pass(0);
      expect([registration.status, node(B)?.owner]).toEqual(['registered', mine.sessionId]);
      urls.next(undefined);
      pass(0);
      expect(node(B)).toBeUndefined();
      urls.complete();
      expect(registration.completed, 'nothing can come any more').toBe(true);
      pass(REST_MS);
      expect(world.server.watches).toBe(0);
    });

    it('is withdrawn also while it moves, and during an outage', () => {
      const urls = new Subject<ServiceUrl | undefined>();
      const registration = new RegistrationRecord(mine.registry, urls);
      urls.next(A);
      pass(0);
      world.server.cut();
      pass(100);
      urls.next(B);
      urls.next(undefined);
      world.server.heal();
      pass(REST_MS);
      expect(world.providers()).toEqual([]);
      expect(registration.status).toBe('withdrawn');
    });

    it.each(['before', 'after'] as const)(
      'bounded load: keeps only the newest wish, and what may stand, where creating fails %s it is carried out',
      (when) => {
        let failing = false;
        const asked = { creates: 0, calls: 0 };
        const who = world.registry(
          {},
          refusing(world.backend(), (method) => {
            asked.calls += 1;
            if (method === 'create' || method === 'move') asked.creates += 1;
            return (method === 'create' || method === 'move') && failing && when;
          }),
        );
        const urls = new Subject<ServiceUrl>();
        const registration = new RegistrationRecord(who.registry, urls);
        urls.next(provider('a', { weight: '0' }));
        pass(0);
        expect(registration.status).toBe('registered');
        failing = true;
        for (let weight = 1; weight <= 200; weight += 1) {
          urls.next(provider('a', { weight: String(weight) }));
          pass(20);
        }
        asked.creates = asked.calls = 0;
        pass(10 * BACKOFF_MS);
        // One is retried, after half of the longest wait each time; what stood is taken back once.
        expect(asked.creates).toBeLessThanOrEqual(2 * 10 + 5);
        expect(asked.calls).toBeLessThanOrEqual((when === 'after' ? 200 : 0) + 4 * (2 * 10 + 5));
        failing = false;
        pass(2 * BACKOFF_MS);
        expect(registration.status).toBe('registered');
        expect(world.providers()).toEqual([
          pathOf(provider('a', { weight: '200' }))
            .split('/')
            .at(-1),
        ]);
        expect(world.server.watches).toBe(1);
      },
    );

    it('goes back to a url that it has just left', () => {
      const urls = new Subject<ServiceUrl>();
      const registration = new RegistrationRecord(mine.registry, urls);
      urls.next(A);
      pass(0);
      urls.next(B);
      urls.next(A);
      pass(0);
      expect(registration.status).toBe('registered');
      expect([node(A)?.owner, node(B)]).toEqual([mine.sessionId, undefined]);
    });
  });

  describe('of a service that is registered already', () => {
    it('errors at once, and harms nothing of the first: isolation', () => {
      const first = register();
      const before = node();
      const second = new RegistrationRecord(mine.registry, provider('a', { weight: '7' }));
      expect(second.error).toBeInstanceOf(DuplicateRegistrationError);
      pass(SESSION_MS);
      expect(first.statuses).toEqual(['pending', 'registered']);
      expect(node()).toEqual(before);
      expect(world.providers()).toHaveLength(1);
    });

    it('is possible again once the first is released', () => {
      register().unsubscribe();
      const second = register();
      expect(second.error).toBeUndefined();
      expect(second.status).toBe('registered');
    });

    it('is possible for what the first has moved away from', () => {
      const urls = new Subject<ServiceUrl>();
      new RegistrationRecord(mine.registry, urls);
      urls.next(A);
      pass(0);
      expect(new RegistrationRecord(mine.registry, A).error).toBeInstanceOf(DuplicateRegistrationError);
      urls.next(B);
      pass(0);
      expect(register(A).status).toBe('registered');
      expect(world.providers()).toHaveLength(2);
    });

    it('errors also after its weight has changed, while it moves and after that, until it is released', () => {
      const urls = new Subject<ServiceUrl>();
      const moving = new RegistrationRecord(mine.registry, urls);
      urls.next(provider('a', { weight: '1' }));
      pass(0);
      const again = () => new RegistrationRecord(mine.registry, provider('a', { weight: '9' })).error;
      for (const weight of ['2', '3', '1']) {
        urls.next(provider('a', { weight }));
        expect(again(), `moving to ${weight}`).toBeInstanceOf(DuplicateRegistrationError);
        pass(0);
        expect(again(), `at ${weight}`).toBeInstanceOf(DuplicateRegistrationError);
      }
      expect(world.providers()).toHaveLength(1);
      moving.unsubscribe();
      expect(again()).toBeUndefined();
    });

    it('is nobody’s business in another registry', () => {
      register();
      expect(register(provider('a', { pid: '2' }), world.connected()).status).toBe('registered');
      expect(world.providers()).toHaveLength(2);
    });
  });

  describe('with dynamic=false', () => {
    const persistent = provider('a', { dynamic: 'false' });

    it('outlives the session and close()', async () => {
      register(persistent);
      expect(node(persistent)?.owner).toBeUndefined();
      await world.time.settle(mine.registry.close());
      pass(2 * SESSION_MS);
      expect(world.server.sessions).toEqual([]);
      expect(node(persistent)).toBeDefined();
    });

    it('goes when it is unsubscribed', () => {
      const registration = register(persistent);
      registration.unsubscribe();
      pass(0);
      expect(node(persistent)).toBeUndefined();
    });

    it('replaces what former processes left of the same instance and category, and nothing else', async () => {
      for (const run of [1, 2, 3, 4]) {
        const { registry } = world.connected();
        register(provider('a', { dynamic: 'false', pid: String(run) }), { ...mine, registry });
        await world.time.settle(registry.close());
      }
      expect(world.providers(), 'after four runs').toEqual([
        pathOf(provider('a', { dynamic: 'false', pid: '4' }))
          .split('/')
          .at(-1),
      ]);
      const others = [
        pathOf(provider('b', { dynamic: 'false' })),
        pathOf(provider('a', { dynamic: 'false', version: '2' })),
        pathOf(provider('a', { dynamic: 'false', category: 'routers' })),
        '/dubbo/com.acme.Users/providers/%',
      ];
      for (const path of others) world.server.create(path);
      const live = provider('a', { pid: 'of another process that lives' });
      register(live, world.connected());
      const registration = register(provider('a', { dynamic: 'false', pid: '5' }));
      expect(registration.status).toBe('registered');
      expect(node(provider('a', { dynamic: 'false', pid: '4' }))).toBeUndefined();
      for (const path of [...others, pathOf(live)]) expect(world.server.read(path), path).toBeDefined();
      registration.unsubscribe();
      pass(0);
      expect(node(provider('a', { dynamic: 'false', pid: '5' }))).toBeUndefined();
    });

    it('stands also where the directory cannot be read', () => {
      const who = world.registry(
        {},
        refusing(world.backend(), (method) => method === 'list'),
      );
      expect(register(persistent, who).status).toBe('registered');
    });

    it('of two live processes, both stand: they do not take it from each other for ever', () => {
      const [one, other] = ['1', '2'].map((pid) => provider('a', { dynamic: 'false', pid })) as [
        ServiceUrl,
        ServiceUrl,
      ];
      register(one);
      register(other, world.connected());
      pass(REST_MS);
      const versions = [node(one)?.version, node(other)?.version];
      expect(versions).not.toContain(undefined);
      pass(20 * SESSION_MS);
      expect([node(one)?.version, node(other)?.version], 'nothing was written since').toEqual(versions);
    });

    it('is found again, and not made again, by the next process', () => {
      world.server.create(pathOf(persistent));
      const before = node(persistent);
      expect(register(persistent).status).toBe('registered');
      expect(node(persistent)).toEqual(before);
    });
  });

  describe('that fails', () => {
    const odd = provider('odd', { interface: 'com.acme.Odd' });
    let blocker: Inhabitant;

    beforeEach(() => {
      // No node can have children whose owner may die: whatever is registered below it is refused.
      blocker = world.connected();
      blocker.backend.states.subscribe((state) => {
        if (state.status === 'connected') state.session.create('/dubbo/com.acme.Odd', { ephemeral: true }).subscribe();
      });
      pass(0);
    });

    it('does not hold up the others: isolation', () => {
      const failing = register(odd);
      const good = register();
      expect(good.status).toBe('registered');
      expect(failing.states.at(-1)).toMatchObject({ status: 'pending', cause: { code: 'CONFLICT' } });
      pass(10 * BACKOFF_MS);
      expect(good.statuses).toEqual(['pending', 'registered']);
      expect(failing.error).toBeUndefined();
    });

    it('is tried again no faster than the backoff allows', () => {
      register(odd);
      pass(10 * BACKOFF_MS);
      const before = world.server.read('/dubbo/com.acme.Odd')!.version;
      // Every request is a transaction of its own, and the version of the next write counts them.
      pass(20 * BACKOFF_MS);
      world.server.write('/dubbo/com.acme.Odd', new Uint8Array());
      const requests = Number(world.server.read('/dubbo/com.acme.Odd')!.version - before);
      expect(requests).toBeLessThan(300);
    });

    it('stands as soon as nothing is in its way any more', () => {
      const failing = register(odd);
      pass(10 * BACKOFF_MS);
      void blocker.registry.close({ deadlineMs: 0 });
      world.server.remove('/dubbo/com.acme.Odd');
      pass(BACKOFF_MS);
      expect(failing.status).toBe('registered');
    });

    it('does not cost a registration that moves to it the node it has', () => {
      const urls = new Subject<ServiceUrl>();
      const registration = new RegistrationRecord(mine.registry, urls);
      urls.next(A);
      pass(0);
      urls.next(odd);
      pass(10 * BACKOFF_MS);
      expect(registration.states.at(-1)).toMatchObject({ status: 'pending', cause: { code: 'CONFLICT' } });
      expect(node(A)?.owner).toBe(mine.sessionId);
      registration.unsubscribe();
      pass(BACKOFF_MS);
      expect(node(A)).toBeUndefined();
    });

    it('can be released', () => {
      register(odd).unsubscribe();
      pass(BACKOFF_MS);
      expect(world.server.watches).toBe(0);
    });
  });
});

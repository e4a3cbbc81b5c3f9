import { Subject } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { DuplicateRegistrationError } from '../../lib/errors.js';
import type { ServiceUrl } from '../../lib/index.js';
import type { Session } from '../../lib/port/index.js';
import { RegistrationRecord } from '../support/scenario/registrationRecord.js';
import { BACKOFF_MS, pathOf, provider, refusing, REST_MS, SESSION_MS, World } from '../support/virtual/index.js';

/** What registrations promise, whatever keeps them: all of it through a registry, on the memory backend. */
describe('a registration', () => {
  const A = provider('a');
  /** The same instance under another name. */
  const A_LIGHTER = provider('a', { weight: '50' });
  let world: World;
  let asked: (keyof Session)[];
  /** What fails, with NOT_AUTHORIZED if `true`. */
  let fails: (method: keyof Session) => boolean | 'before' | 'after';

  beforeEach(() => {
    world = new World();
    asked = [];
    fails = () => false;
  });

  const registryThat = (retryMs = BACKOFF_MS) => {
    const backend = refusing(world.backend(), (method) => {
      asked.push(method);
      return fails(method);
    });
    return world.registry({ retry: { baseMs: retryMs, maxMs: retryMs, random: () => 0.5 } }, backend);
  };
  const node = (url: ServiceUrl = A) => world.server.read(pathOf(url));
  const pass = (ms: number) => world.time.pass(ms);

  it('still stands for its instance after it moved to another node of it: a second one is refused', () => {
    const { registry } = registryThat();
    const urls = new Subject<ServiceUrl>();
    const moving = new RegistrationRecord(registry, urls);
    urls.next(A);
    pass(0);
    urls.next(A_LIGHTER);
    pass(REST_MS);
    expect([moving.status, node(A), node(A_LIGHTER) !== undefined]).toEqual(['registered', undefined, true]);
    expect(new RegistrationRecord(registry, A).error).toBeInstanceOf(DuplicateRegistrationError);
    moving.unsubscribe();
    pass(REST_MS);
    const later = new RegistrationRecord(registry, A);
    pass(REST_MS);
    expect(later.status).toBe('registered');
  });

  it('that is released does not wait for its backoff', () => {
    const { registry } = registryThat(3_600_000);
    fails = (method) => method === 'create' && 'after';
    const registration = new RegistrationRecord(registry, A);
    pass(0);
    expect([registration.status, node() !== undefined]).toEqual(['pending', true]);
    registration.unsubscribe();
    pass(SESSION_MS);
    expect(node()).toBeUndefined();
  });

  it('is watched again where its watch fails, so that it is made anew when somebody removes its node', () => {
    const { registry } = registryThat();
    let failures = 3;
    fails = (method) => method === 'watchNode' && failures-- > 0 && 'before';
    const registration = new RegistrationRecord(registry, A);
    pass(0);
    expect(registration.status).toBe('registered');
    // Each of the failures is followed by a wait.
    pass(3 * BACKOFF_MS);
    world.server.remove(pathOf(A));
    pass(0);
    expect(node()).toBeDefined();
    expect(registration.error).toBeUndefined();
  });

  it('that has stood does not end when it is refused: it stands again once it is permitted', () => {
    const { registry } = registryThat();
    const registration = new RegistrationRecord(registry, A);
    pass(0);
    fails = (method) => method === 'create' || method === 'read' || method === 'watchNode';
    world.server.remove(pathOf(A));
    pass(10 * BACKOFF_MS);
    expect([registration.status, registration.error]).toEqual(['pending', undefined]);
    expect(registration.states.at(-1)).toMatchObject({ cause: { code: 'NOT_AUTHORIZED' } });
    fails = () => false;
    pass(BACKOFF_MS);
    expect([registration.status, node() !== undefined]).toEqual(['registered', true]);
  });

  it('begins its backoff anew with each connection', () => {
    const longest = 64 * BACKOFF_MS;
    const backend = refusing(world.backend(), (method) => fails(method));
    const { registry } = world.registry({ retry: { baseMs: 50, maxMs: longest, random: () => 1 } }, backend);
    fails = (method) => method === 'create' && 'before';
    const registration = new RegistrationRecord(registry, A);
    // Long enough for the waits to have grown to the longest: 50 ms · (1 + 2 + 4 + … + 512) is less.
    pass(2 * longest);
    world.server.cut();
    pass(2 * SESSION_MS);
    let creates = 0;
    fails = (method) => method === 'create' && ++creates < 3 && 'before';
    world.server.heal();
    // An attempt to connect comes within two waits of the backoff; then two failures, after 50 and 100 ms.
    pass(2 * BACKOFF_MS + 150);
    expect(registration.status).toBe('registered');
  });

  it('looks at its node after a reconnect, and makes it only where it is gone', () => {
    const { registry } = registryThat();
    const registration = new RegistrationRecord(registry, A);
    pass(0);
    asked = [];
    world.server.cut();
    pass(SESSION_MS / 2);
    world.server.heal();
    pass(BACKOFF_MS);
    expect(registration.status).toBe('registered');
    expect(asked).not.toContain('create');
  });

  it('of which somebody holds the node already looks at it at once', () => {
    const former = world.connected();
    new RegistrationRecord(former.registry, A);
    pass(0);
    const { registry } = registryThat(3_600_000);
    const registration = new RegistrationRecord(registry, A);
    // Nothing failed: that a node is there is an answer, and no reason to wait.
    pass(0);
    expect(registration.status).toBe('registered');
  });

  it('whose node was made though it is said to have failed is read, and not made again', () => {
    const { registry } = registryThat();
    fails = (method) => method === 'create' && 'after';
    const registration = new RegistrationRecord(registry, A);
    pass(2 * BACKOFF_MS);
    expect(registration.status).toBe('registered');
    expect(asked.filter((method) => method === 'create')).toHaveLength(1);
    expect(asked).toContain('read');
  });
});

import { map, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import type { ServiceUrl } from '../../lib/dubbo/index.js';
import { Registrations, register, type RegistrationContext } from '../../lib/registration/index.js';
import { pathOf, provider } from '../support/virtual/index.js';

const A = provider('a');
const B = provider('b');

/** Marbles of a registration: each state by its first letter, in capitals for the url `B`. */
function marbles(urls: Observable<ServiceUrl>, context: RegistrationContext): Observable<string> {
  return register(urls, context).pipe(map(({ status, url }) => (url === B ? status[0]!.toUpperCase() : status[0]!)));
}

describe('register', () => {
  let scheduler: TestScheduler;
  let server: MemoryServer;
  let context: RegistrationContext;

  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    server = new MemoryServer({ scheduler });
    const backend = memory({ server, sessionTimeoutMs: 60, reconnect: { baseMs: 4, maxMs: 4, random: () => 0.5 } });
    const retry = { baseMs: 4, maxMs: 4, random: () => 0.5 };
    context = {
      root: '/dubbo',
      registrations: new Registrations(backend.states, { scheduler, retry }),
      keys: new Map(),
      isClosing: () => false,
    };
  });

  /** Lets an operator act at moments of a marble diagram. */
  const operate = (moments: Observable<string>, acts: Record<string, () => void>): void => {
    moments.subscribe((moment) => acts[moment]!());
  };

  it('is pending, then registered, then suspended in an outage, then registered again', () => {
    scheduler.run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const faults = hot('  -----x----h------', { x: 'cut', h: 'heal' });
      const urls = cold('   a----------------', { a: A });
      const unsub = '       ^---------------!';
      const expected = '    (pr)-s-----r-----';
      operate(faults, { cut: () => server.cut(), heal: () => server.heal() });
      expectObservable(marbles(urls, context), unsub).toBe(expected);
      expectSubscriptions(urls.subscriptions).toBe(unsub);
    });
  });

  it('moves: the new node stands before the old one goes', () => {
    const seen: string[][] = [];
    scheduler.run(({ cold, hot, expectObservable }) => {
      const urls = cold('   a----b----', { a: A, b: B });
      const unsub = '       ^---------!';
      const expected = '    (pr)-(PR)--';
      const moments = hot(' ----s-----', { s: 'see' });
      operate(moments, {
        see: () => {
          // From here on, nobody may ever see none of the two.
          const look = (): void => {
            seen.push([A, B].filter((url) => server.read(pathOf(url))).map(({ host }) => host));
            if (scheduler.now() < 9) scheduler.schedule(look, 1);
          };
          look();
        },
      });
      expectObservable(marbles(urls, context), unsub).toBe(expected);
    });
    expect(seen[0]).toEqual(['a']);
    expect(seen.at(-1)).toEqual(['b']);
    for (const hosts of seen) expect(hosts.length).toBeGreaterThan(0);
  });

  it('stays registered when the urls complete', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const urls = cold('   (a|)     ', { a: A });
      const unsub = '       ^-------!';
      const expected = '    (pr)-----';
      expectObservable(marbles(urls, context), unsub).toBe(expected);
    });
    expect(server.sessions).toEqual([]);
  });

  it('errors with the urls, and takes the node back', () => {
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const urls = cold('   a----#', { a: A });
      const subs = '        ^----!';
      const expected = '    (pr)-#';
      expectObservable(marbles(urls, context)).toBe(expected);
      expectSubscriptions(urls.subscriptions).toBe(subs);
    });
    expect(server.read(pathOf(A))).toBeUndefined();
    expect(context.keys.size).toBe(0);
    expect(context.registrations.size).toBe(0);
  });

  it('is silent without a url, and sends nothing', () => {
    scheduler.run(({ cold, expectObservable }) => {
      const urls = cold<ServiceUrl>('----');
      expectObservable(marbles(urls, context), '---!').toBe('----');
    });
    expect(server.paths).toEqual(['/']);
  });
});

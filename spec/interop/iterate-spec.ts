import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { concat, NEVER, Observable, of, range, Subject, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionError, RegistryError } from '../../lib/errors.js';
import { Backlog } from '../../lib/interop/backlog.js';
import { iterate, type IterateBuffer } from '../../lib/interop/index.js';
import { provider, turn, World } from '../support/virtual/index.js';

/** Goes through a loop by hand. */
function stepper<T>(source: Observable<T>, buffer: IterateBuffer, signal?: AbortSignal) {
  const loop = iterate(source, { buffer, signal })[Symbol.asyncIterator]();
  return {
    next: () => loop.next() as Promise<IteratorResult<T, undefined>>,
    leave: () => loop.return!(),
  };
}

const value = <T>(of: T) => ({ done: false, value: of });
const BROKEN = new Error('broken');
const DONE = { done: true, value: undefined };

/** All that a loop hands out, and what it throws in the end. */
async function all<T>(loop: AsyncIterable<T>): Promise<unknown[]> {
  const seen: unknown[] = [];
  try {
    for await (const one of loop) seen.push(one);
  } catch (error) {
    seen.push(error);
  }
  return seen;
}

describe('iterate', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  beforeEach(() => void process.on('unhandledRejection', note));
  afterEach(async () => {
    await turn();
    process.off('unhandledRejection', note);
    expect(unhandled.splice(0)).toEqual([]);
  });

  describe('what is kept while the body runs', () => {
    const after = async (buffer: IterateBuffer, ...values: number[]): Promise<unknown[]> => {
      const source = new Subject<number>();
      const { next } = stepper(source, buffer);
      const first = next();
      source.next(0);
      expect(await first).toEqual(value(0));
      for (const one of values) source.next(one);
      source.complete();
      const seen: unknown[] = [];
      for (;;) {
        const result = await next().catch((error: unknown) => ({ error }));
        if ('error' in result) seen.push((result.error as RegistryError).code);
        else if (result.done) return seen;
        else seen.push(result.value);
      }
    };

    it.each<[IterateBuffer, unknown[]]>([
      ['latest', [4]],
      ['all', [1, 2, 3, 4]],
      [{ size: 2, whenFull: 'dropOldest' }, [3, 4]],
      [{ size: 2, whenFull: 'dropNewest' }, [1, 2]],
      [{ size: 2, whenFull: 'fail' }, [1, 2, 'TOO_LARGE']],
      [{ size: 4, whenFull: 'fail' }, [1, 2, 3, 4]],
    ])('%j', async (buffer, kept) => expect(await after(buffer, 1, 2, 3, 4)).toEqual(kept));

    it('is counted anew after the loop has caught up', async () => {
      const source = new Subject<number>();
      const { next } = stepper(source, { size: 2, whenFull: 'fail' });
      const first = next();
      for (const one of [0, 1, 2]) source.next(one);
      expect([await first, await next(), await next()]).toEqual([0, 1, 2].map(value));
      for (const one of [3, 4]) source.next(one);
      expect([await next(), await next()]).toEqual([3, 4].map(value));
    });

    it('is the newest of what a source says at once', async () => {
      expect(await all(iterate(of(1, 2, 3), { buffer: 'latest' }))).toEqual([3]);
    });
  });

  it.each<unknown>([undefined, 'newest', 5, null, {}, { size: 0, whenFull: 'fail' }, { size: 2.5, whenFull: 'fail' }])(
    'refuses the buffer %j at once',
    (buffer) => expect(() => iterate(NEVER, { buffer: buffer as 'all' })).toThrow(InvalidOptionError),
  );

  it('refuses a bound that does not say what happens there', () => {
    expect(() => iterate(NEVER, { buffer: { size: 2 } as never })).toThrow('`whenFull`');
  });

  it('hands out what came before an error, then throws it, then is over', async () => {
    const { next } = stepper(
      concat(
        of(1, 2),
        throwError(() => BROKEN),
      ),
      'all',
    );
    expect([await next(), await next()]).toEqual([value(1), value(2)]);
    await expect(next()).rejects.toBe(BROKEN);
    expect([await next(), await next()]).toEqual([DONE, DONE]);
  });

  it('throws an error that comes while the loop waits', async () => {
    const source = new Subject<number>();
    const { next } = stepper(source, 'all');
    const waiting = [next(), next()];
    source.error(BROKEN);
    await expect(waiting[0]).rejects.toBe(BROKEN);
    expect(await waiting[1]).toEqual(DONE);
  });

  it('lets an error that nobody asks for any more pass without a rejection', async () => {
    const source = new Subject<number>();
    const { next } = stepper(source, 'all');
    const first = next();
    source.next(1);
    await first;
    source.error(BROKEN);
    await turn();
  });

  it('answers those who ask at the same time in turn', async () => {
    const source = new Subject<number>();
    const { next } = stepper(source, 'all');
    const asked = [next(), next(), next()];
    source.next(1);
    source.next(2);
    source.complete();
    expect(await Promise.all(asked)).toEqual([value(1), value(2), DONE]);
  });

  describe('subscribes', () => {
    const counted = () => {
      const live = { now: 0, ever: 0 };
      const values = new Subject<number>();
      const source = new Observable<number>((subscriber) => {
        live.now += 1;
        live.ever += 1;
        subscriber.add(() => void (live.now -= 1));
        return values.subscribe(subscriber);
      });
      return { live, values, source };
    };

    it('at the first step, once for each loop', async () => {
      const { live, source } = counted();
      const loop = iterate(source, { buffer: 'all' });
      const steps = loop[Symbol.asyncIterator]();
      expect(live.ever).toBe(0);
      void steps.next();
      void steps.next();
      expect(live.ever).toBe(1);
      void loop[Symbol.asyncIterator]().next();
      expect(live).toEqual({ now: 2, ever: 2 });
    });

    it('never, if it is left before', async () => {
      const { live, source } = counted();
      const { next, leave } = stepper(source, 'all');
      expect(await leave()).toEqual(DONE);
      expect(await next()).toEqual(DONE);
      expect(live.ever).toBe(0);
    });

    it.each(['break', 'return', 'throw'])('and no longer after %s', async (how) => {
      const { live, values, source } = counted();
      const run = async (): Promise<void> => {
        for await (const one of iterate(source, { buffer: 'all' })) {
          expect(one).toBe(1);
          if (how === 'break') break;
          if (how === 'return') return;
          throw new Error('out of the loop');
        }
      };
      const over = run();
      values.next(1);
      values.next(2);
      if (how === 'throw') await expect(over).rejects.toThrow('out of the loop');
      else await over;
      expect(live.now).toBe(0);
      expect(values.observed).toBe(false);
    });

    it('and no longer when it has fallen behind, also of a source that says all at once', async () => {
      let said = 0;
      const source = new Observable<number>((subscriber) => {
        while (!subscriber.closed) subscriber.next((said += 1));
      });
      const seen = await all(iterate(source, { buffer: { size: 3, whenFull: 'fail' } }));
      expect(seen).toEqual([1, 2, 3, expect.any(RegistryError)]);
      expect(said).toBe(4);
    });

    it('and no longer when it is left while somebody waits', async () => {
      const { live, source } = counted();
      const { next, leave } = stepper(source, 'all');
      const waiting = next();
      await leave();
      expect(await waiting).toEqual(DONE);
      expect(live.now).toBe(0);
    });
  });

  describe('with a signal', () => {
    it('throws its reason to who waits, and unsubscribes', async () => {
      const controller = new AbortController();
      const source = new Subject<number>();
      const { next } = stepper(source, 'all', controller.signal);
      const waiting = next();
      controller.abort('enough');
      await expect(waiting).rejects.toBe('enough');
      expect(await next()).toEqual(DONE);
      expect(source.observed).toBe(false);
    });

    it('throws its reason before what is kept', async () => {
      const controller = new AbortController();
      const source = new Subject<number>();
      const { next } = stepper(source, 'all', controller.signal);
      const first = next();
      for (const one of [1, 2, 3]) source.next(one);
      await first;
      controller.abort('enough');
      await expect(next()).rejects.toBe('enough');
      expect(await next()).toEqual(DONE);
    });

    it('throws its reason before what is kept of a stream that has ended', async () => {
      const controller = new AbortController();
      const { next } = stepper(of(1, 2, 3), 'all', controller.signal);
      await next();
      controller.abort('enough');
      await expect(next()).rejects.toBe('enough');
      expect(await next()).toEqual(DONE);
    });

    it('that is aborted already never subscribes', async () => {
      let subscribed = false;
      const source = new Observable<never>(() => void (subscribed = true));
      const { next } = stepper(source, 'all', AbortSignal.abort('before'));
      await expect(next()).rejects.toBe('before');
      expect(subscribed).toBe(false);
    });

    it('is ignored after the end, and leaves no listener behind', async () => {
      const controller = new AbortController();
      const { next, leave } = stepper(NEVER, 'all', controller.signal);
      void next();
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
      await leave();
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
      expect(await all(iterate(of(1), { buffer: 'all', signal: controller.signal }))).toEqual([1]);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
      controller.abort();
      expect(await next()).toEqual(DONE);
    });
  });

  it('follows a registry through an outage, and lets its watch go', async () => {
    const world = new World();
    const { registry } = world.connected();
    const own = world.server.watches;
    const sizes: number[] = [];
    const run = async (): Promise<void> => {
      for await (const set of iterate(registry.instances({ interface: 'com.acme.Users' }), { buffer: 'latest' })) {
        sizes.push(set.size);
        if (set.size === 2) break;
      }
    };
    const over = run();
    await world.time.passAsync(100);
    expect(world.server.watches).toBeGreaterThan(own);
    const providing = world.connected().registry;
    const one = providing.register(provider('a')).subscribe();
    await world.time.passAsync(100);
    world.server.cut();
    await world.time.passAsync(1_000);
    world.server.heal();
    const other = providing.register(provider('b')).subscribe();
    await world.time.settle(over);
    expect(sizes).toEqual([0, 1, 2]);
    one.unsubscribe();
    other.unsubscribe();
    await world.time.settle(providing.close());
    await world.time.passAsync(100);
    expect(world.server.watches).toBe(own);
  });
});

describe('Backlog', () => {
  it('hands out what was put in, in order, whatever is done to it', () => {
    const operation = fc.constantFrom('add', 'add', 'take', 'clear' as const);
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const backlog = new Backlog<number>();
        const model: number[] = [];
        operations.forEach((what, index) => {
          if (what === 'add') {
            backlog.add(index);
            model.push(index);
          } else if (what === 'take' && model.length > 0) expect(backlog.take()).toBe(model.shift());
          else if (what === 'clear' && index % 10 === 0) {
            backlog.clear();
            model.length = 0;
          }
          expect(backlog.size).toBe(model.length);
        });
      }),
    );
  });

  it('costs the same for each, however many there are', async () => {
    const seen = await all(iterate(range(0, 200_000), { buffer: 'all' }));
    expect(seen).toHaveLength(200_000);
    expect(seen.at(-1)).toBe(199_999);
  }, 5_000);
});

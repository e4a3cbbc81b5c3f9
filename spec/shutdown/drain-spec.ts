import { getEventListeners } from 'node:events';
import { BehaviorSubject, concat, EMPTY, NEVER, Observable, of, Subject, throwError, timer } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionError, type RegistryError } from '../../lib/errors.js';
import { drain, drained, type DrainOptions, type DrainStep, type Releasable } from '../../lib/shutdown/index.js';
import { provider, SERVICE, turn, VirtualTime, World } from '../support/virtual/index.js';

const BROKEN = new Error('broken');
const REFUSED = new Error('refused');
const raise = (): never => {
  throw BROKEN;
};
const LATE = expect.objectContaining({ code: 'TIMEOUT' }) as RegistryError;

describe('drain', () => {
  let time: VirtualTime;
  let told: DrainStep[];
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);

  beforeEach(() => {
    time = new VirtualTime();
    told = [];
    process.on('unhandledRejection', note);
  });
  afterEach(async () => {
    await turn();
    process.off('unhandledRejection', note);
    expect(unhandled.splice(0)).toEqual([]);
  });

  /** What is acknowledged so many milliseconds after it is asked for. */
  const releasable = (ms: number, log: string[] = []): Releasable => ({
    release: () => {
      log.push(`${time.now} release`);
      return concat(timer(ms, time.scheduler), EMPTY);
    },
  });
  const options = (more: Partial<DrainOptions> = {}): DrainOptions => ({
    provisions: releasable(0),
    deadlineMs: 10_000,
    releaseMs: 2_000,
    propagationMs: 1_000,
    closeMs: 500,
    scheduler: time.scheduler,
    ...more,
  });
  const run = (more: Partial<DrainOptions> = {}) => drain(options(more)).subscribe((step) => told.push(step));
  const steps = () => told.map(({ step }) => step);
  const report = () => {
    const last = told.at(-1);
    if (last?.step !== 'done') throw new Error(`it is not over, but at ${last?.step}`);
    return last.report;
  };

  it('goes in order: released and acknowledged, known, finished, closed', () => {
    const log: string[] = [];
    const inFlight = new BehaviorSubject(3);
    run({
      provisions: [releasable(50, log), releasable(200, log)],
      inFlight,
      close: () => {
        log.push(`${time.now} close`);
        return timer(20, time.scheduler);
      },
    });
    time.pass(1_500);
    inFlight.next(1);
    time.pass(300);
    inFlight.next(2);
    inFlight.next(0);
    time.pass(100);
    expect(log).toEqual(['0 release', '0 release', '1800 close']);
    expect(told).toEqual([
      { step: 'release', acknowledged: 0, of: 2, elapsedMs: 0 },
      { step: 'release', acknowledged: 1, of: 2, elapsedMs: 50 },
      { step: 'release', acknowledged: 2, of: 2, elapsedMs: 200 },
      { step: 'propagate', propagationMs: 1_000, elapsedMs: 200 },
      { step: 'finish', inFlight: 3, elapsedMs: 1_200 },
      { step: 'finish', inFlight: 1, elapsedMs: 1_500 },
      { step: 'finish', inFlight: 2, elapsedMs: 1_800 },
      { step: 'finish', inFlight: 0, elapsedMs: 1_800 },
      { step: 'close', isForced: false, elapsedMs: 1_800 },
      { step: 'done', report: { isComplete: true, cutOff: [], elapsedMs: 1_820 }, elapsedMs: 1_820 },
    ]);
    expect(time.timers).toBe(0);
    expect(inFlight.observed).toBe(false);
  });

  it('completes after the last step, and does nothing before it is subscribed to', () => {
    const log: string[] = [];
    const draining = drain(options({ provisions: releasable(0, log) }));
    time.pass(100);
    expect(log).toEqual([]);
    let completed = false;
    draining.subscribe({ complete: () => void (completed = true) });
    time.pass(1_000);
    expect(completed).toBe(true);
  });

  it('takes a promise for each step too, and skips the count that it is not given', async () => {
    const log: string[] = [];
    const draining = drained(
      options({
        provisions: { release: async () => void log.push('release') },
        close: async ({ signal }) => void log.push(`close ${signal.aborted}`),
      }),
    );
    expect(await time.settle(draining)).toEqual({ isComplete: true, cutOff: [], elapsedMs: 1_000 });
    expect(log).toEqual(['release', 'close false']);
  });

  it('waits for a function that says when calls are done', async () => {
    let finish = (): void => undefined;
    run({ inFlight: () => new Promise<void>((resolve) => (finish = resolve)) });
    await time.passAsync(5_000);
    expect(told.at(-1)).toEqual({ step: 'finish', inFlight: undefined, elapsedMs: 1_000 });
    finish();
    await time.passAsync(0);
    expect(steps().slice(-2)).toEqual(['close', 'done']);
    expect(report()).toEqual({ isComplete: true, cutOff: [], elapsedMs: 5_000 });
  });

  it('takes the end of the count for none', () => {
    run({ inFlight: of(2) });
    time.pass(1_000);
    expect(report().isComplete).toBe(true);
  });

  it('gives consumers their time after the acknowledgement, not after the request', () => {
    let closedAt = 0;
    run({ provisions: releasable(1_900), close: () => void (closedAt = time.now) });
    time.pass(10_000);
    expect(closedAt).toBe(2_900);
  });

  it('waits for nobody where there is nothing to release or to propagate', () => {
    run({ provisions: [], propagationMs: 0 });
    expect(steps()).toEqual(['release', 'propagate', 'close', 'done']);
    expect(report().isComplete).toBe(true);
  });

  describe('says what was cut off', () => {
    it('when the registry does not acknowledge, and goes on', () => {
      const stuck = { release: () => NEVER };
      const inFlight = new BehaviorSubject(0);
      run({ provisions: [releasable(10), stuck], inFlight });
      time.pass(1_999);
      expect(steps()).toEqual(['release', 'release']);
      time.pass(1_001);
      expect(steps().slice(2)).toEqual(['propagate', 'finish', 'close', 'done']);
      expect(report()).toEqual({
        isComplete: false,
        cutOff: [{ step: 'release', provision: stuck, cause: LATE }],
        elapsedMs: 3_000,
      });
    });

    it('when a release fails, and waits for the others', () => {
      const broken: Releasable = { release: () => throwError(() => REFUSED) };
      const throwing: Releasable = {
        release: () => {
          throw new Error('thrown');
        },
      };
      run({ provisions: [broken, throwing, releasable(100)] });
      time.pass(2_000);
      expect(told[1]).toEqual({ step: 'release', acknowledged: 1, of: 3, elapsedMs: 100 });
      expect(report()).toEqual({
        isComplete: false,
        cutOff: [
          { step: 'release', provision: broken, cause: REFUSED },
          { step: 'release', provision: throwing, cause: new Error('thrown') },
        ],
        elapsedMs: 1_100,
      });
    });

    it('when calls are still under way: how many, and it is closed by force', () => {
      const inFlight = new BehaviorSubject(5);
      const closing: unknown[] = [];
      run({
        inFlight,
        close: ({ signal }) => {
          closing.push([time.now, signal.aborted]);
          return timer(100, time.scheduler);
        },
      });
      time.pass(4_000);
      inFlight.next(2);
      time.pass(5_499);
      expect(steps().at(-1)).toBe('finish');
      time.pass(1);
      expect(closing).toEqual([[9_500, true]]);
      expect(told.at(-1)).toEqual({ step: 'close', isForced: true, elapsedMs: 9_500 });
      time.pass(100);
      expect(report()).toEqual({
        isComplete: false,
        cutOff: [{ step: 'finish', inFlight: 2, cause: LATE }],
        elapsedMs: 9_600,
      });
      expect(time.timers).toBe(0);
      expect(inFlight.observed).toBe(false);
    });

    it('when calls are under way that nobody counts', async () => {
      run({ inFlight: () => new Promise(() => undefined) });
      await time.passAsync(10_000);
      expect(report().cutOff).toEqual([{ step: 'finish', inFlight: undefined, cause: LATE }]);
    });

    it('when the count fails, and closes in peace', () => {
      let isForced: boolean | undefined;
      run({
        inFlight: concat(
          of(3),
          throwError(() => BROKEN),
        ),
        close: ({ signal }) => void (isForced = signal.aborted),
      });
      time.pass(1_000);
      expect(report().cutOff).toEqual([{ step: 'finish', inFlight: 3, cause: BROKEN }]);
      expect(isForced).toBe(false);
    });

    it.each<[string, NonNullable<DrainOptions['close']>]>([
      ['throws', () => raise()],
      ['errors', () => throwError(() => BROKEN)],
      ['rejects', () => Promise.reject(BROKEN)],
    ])('when closing %s', async (...[, close]) => {
      run({ close });
      await time.passAsync(1_000);
      expect(report()).toEqual({
        isComplete: false,
        cutOff: [{ step: 'close', cause: BROKEN }],
        elapsedMs: 1_000,
      });
    });

    it('when closing has to be forced', () => {
      run({
        close: ({ signal }) =>
          new Observable((subscriber) => signal.addEventListener('abort', () => subscriber.complete())),
      });
      time.pass(9_499);
      expect(told.at(-1)).toEqual({ step: 'close', isForced: false, elapsedMs: 1_000 });
      time.pass(1);
      expect(told.at(-2)).toEqual({ step: 'close', isForced: true, elapsedMs: 9_500 });
      expect(report()).toEqual({
        isComplete: false,
        cutOff: [{ step: 'close', cause: LATE }],
        elapsedMs: 9_500,
      });
    });

    it('when closing is not over by the deadline, which is the end', () => {
      run({ close: () => NEVER });
      time.pass(9_500);
      expect(told.at(-1)).toEqual({ step: 'close', isForced: true, elapsedMs: 9_500 });
      time.pass(500);
      expect(report()).toMatchObject({
        cutOff: [
          { step: 'close', cause: LATE },
          { step: 'close', cause: LATE },
        ],
        elapsedMs: 10_000,
      });
      expect(time.timers).toBe(0);
    });

    it('when everything goes wrong: each step is taken, and the deadline kept', async () => {
      let refuse: (cause: Error) => void = () => undefined;
      let closed = false;
      const late = new Promise((_, reject) => (refuse = reject));
      run({
        provisions: { release: () => late },
        inFlight: new BehaviorSubject(1),
        close: () => {
          closed = true;
          return late;
        },
      });
      await time.passAsync(10_000);
      expect(closed).toBe(true);
      expect(report().elapsedMs).toBe(10_000);
      expect(report().cutOff.map(({ step }) => step)).toEqual(['release', 'finish', 'close']);
      refuse(new Error('far too late')); // and nobody minds
    });
  });

  it('closes by force at the deadline where no time is kept for it', () => {
    let force: AbortSignal | undefined;
    run({
      closeMs: 0,
      close: ({ signal }) => {
        force = signal;
        return NEVER;
      },
    });
    time.pass(10_000);
    expect(force?.aborted).toBe(true);
    expect(report().elapsedMs).toBe(10_000);
  });

  describe('given up', () => {
    it('by its signal, errors with the reason and goes no further', async () => {
      const controller = new AbortController();
      let closed = false;
      const draining = drained(options({ signal: controller.signal, close: () => void (closed = true) }));
      time.pass(500);
      controller.abort('hurry');
      await expect(draining).rejects.toBe('hurry');
      time.pass(20_000);
      expect(closed).toBe(false);
      expect(time.timers).toBe(0);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    });

    it('before it begins, releases nothing', async () => {
      const log: string[] = [];
      const draining = drained(options({ provisions: releasable(0, log), signal: AbortSignal.abort('before') }));
      await expect(draining).rejects.toBe('before');
      expect(log).toEqual([]);
    });

    it('leaves no listener on its signal when it is over', async () => {
      const { signal } = new AbortController();
      await time.settle(drained(options({ signal })));
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });

    it('by unsubscribing, in every step, leaves no timer and no subscription behind', () => {
      for (const untilMs of [0, 500, 1_500, 3_000]) {
        time = new VirtualTime();
        const inFlight = new BehaviorSubject(1);
        const subscription = run({ provisions: releasable(400), inFlight });
        time.pass(untilMs);
        subscription.unsubscribe();
        expect(time.timers).toBe(0);
        expect(inFlight.observed).toBe(false);
      }
    });

    it('while it closes, tells the one who closes', () => {
      let force: AbortSignal | undefined;
      const closing = new Subject<void>();
      const subscription = run({
        close: ({ signal }) => {
          force = signal;
          return closing;
        },
      });
      time.pass(2_000);
      expect(force?.aborted).toBe(false);
      subscription.unsubscribe();
      expect(force?.aborted).toBe(true);
      expect(closing.observed).toBe(false);
    });
  });

  it('does not force one who has closed in time', () => {
    let force: AbortSignal | undefined;
    run({ close: ({ signal }) => void (force = signal) });
    time.pass(20_000);
    expect(force?.aborted).toBe(false);
  });

  describe('refuses at once', () => {
    it.each<[string, Partial<Record<keyof DrainOptions, unknown>>]>([
      ['provisions', { provisions: undefined }],
      ['provisions', { provisions: {} }],
      ['provisions', { provisions: [{ release: 5 }] }],
      ['provisions', { provisions: [undefined] }],
      ['inFlight', { inFlight: 5 }],
      ['close', { close: 'server' }],
      ['deadlineMs', { deadlineMs: -1 }],
      ['deadlineMs', { deadlineMs: '5000' }],
      ['releaseMs', { releaseMs: NaN }],
      ['propagationMs', { propagationMs: 2 ** 31 }],
      ['closeMs', { closeMs: null }],
      ['deadlineMs', { deadlineMs: 3_499 }],
    ])('%s of %j', async (option, wrong) => {
      const all = { ...options(), ...wrong } as DrainOptions;
      expect(() => drain(all)).toThrow(InvalidOptionError);
      expect(() => drain(all)).toThrow(`\`${option}\``);
      await expect(drained(all)).rejects.toThrow(InvalidOptionError);
    });

    it('nothing that fits, to the millisecond', () => {
      expect(() => drain(options({ deadlineMs: 3_500 }))).not.toThrow();
    });

    it('no deadline that says nothing of the steps', () => {
      for (const deadlineMs of [0, 10, 1_000, 30_000, 2_147_483_647]) {
        expect(() => drain({ provisions: [], deadlineMs })).not.toThrow();
      }
    });
  });

  describe('of a registry', () => {
    it('lets consumers know before it closes', async () => {
      const world = new World({ latencyMs: 5 });
      time = world.time;
      const consumer = world.connected().registry;
      const { registry } = world.connected();
      const provision = await time.settle(registry.provide(provider('a')));
      const sizes: string[] = [];
      consumer.instances({ interface: SERVICE }).subscribe(({ size }) => sizes.push(`${size}`));
      await time.passAsync(50);
      const result = await time.settle(
        drained(options({ provisions: provision, propagationMs: 100, close: () => void sizes.push('closed') })),
      );
      expect(sizes).toEqual(['1', '0', 'closed']);
      expect(result.isComplete).toBe(true);
    });

    it('that is away: the release is cut off by `releaseMs`, and carried out afterwards', async () => {
      const world = new World();
      time = world.time;
      const { registry } = world.connected();
      const provision = await time.settle(registry.provide(provider('a')));
      world.server.cut();
      const result = await time.settle(drained(options({ provisions: provision, releaseMs: 500 })));
      expect(result).toEqual({
        isComplete: false,
        cutOff: [{ step: 'release', provision, cause: LATE }],
        elapsedMs: 1_500,
      });
      expect(world.providers()).toHaveLength(1);
      world.server.heal();
      await time.passAsync(1_000);
      expect(world.providers()).toEqual([]);
    });
  });
});

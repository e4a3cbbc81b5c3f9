import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BackoffOptions, connect } from '../../lib/connection/index.js';
import { type ErrorCode, RegistryError } from '../../lib/errors.js';
import type { Backend, ConnectionState } from '../../lib/port/index.js';
import { StatesTrace } from '../support/virtual/statesTrace.js';
import { VirtualTime } from '../support/virtual/virtualTime.js';
import { FakeServer } from './fakeServer.js';

/** The session timeout T; its twelfths are what the promises are made of. */
const T = 12_000;

interface Stage {
  readonly time: VirtualTime;
  readonly server: FakeServer;
  readonly backend: Backend;
}

function stage(reconnect: BackoffOptions = { random: () => 0.5 }): Stage {
  const time = new VirtualTime();
  const server = new FakeServer(time.scheduler, T);
  return { time, server, backend: client(time, server, reconnect) };
}

function client(time: VirtualTime, server: FakeServer, reconnect: BackoffOptions): Backend {
  return connect(server.open, { name: 'fake', sessionTimeoutMs: T, scheduler: time.scheduler, reconnect });
}

function watch({ time, backend }: Stage): StatesTrace {
  return new StatesTrace(backend.states, time.scheduler);
}

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((at, index) => at - times[index]!);
}

describe('connect', () => {
  it('does nothing before anyone looks', () => {
    const { time, server } = stage();
    time.pass(T);
    expect(server.asked).toEqual([]);
    expect(time.timers).toBe(0);
  });

  it('connects the first subscriber, and tells a late one the present state', () => {
    const it = stage();
    const first = watch(it);
    expect(first.statuses).toEqual(['connecting', 'connected']);
    const late = new StatesTrace(it.backend.states, it.time.scheduler);
    expect(late.trace.map(({ state }) => state)).toEqual([first.last]);
    expect(it.server.times('open')).toEqual([0]);
  });

  it('ends the session with the last one’s leaving, and begins another with the next one’s coming', () => {
    const { time, server, backend } = stage();
    const one = backend.states.subscribe();
    const two = backend.states.subscribe();
    one.unsubscribe();
    expect(server.times('end')).toEqual([]);
    two.unsubscribe();
    expect(server.asked.map(({ what, session }) => `${what} ${session}`)).toEqual([
      'open undefined',
      'end s1',
      'drop s1',
    ]);
    expect(time.timers).toBe(0);
    const trace = new StatesTrace(backend.states, time.scheduler);
    expect(trace.sessionId).toBe('s2');
    expect(trace.flaws).toEqual([]);
  });

  describe('liveness', () => {
    it('stays connected, without a word to anyone, as long as pings are answered', () => {
      const it = stage();
      const trace = watch(it);
      it.time.pass(50 * T);
      expect(trace.statuses).toEqual(['connecting', 'connected']);
      expect(Math.max(...gaps(it.server.times('ping')))).toBeLessThanOrEqual(T / 6);
    });

    it('a black hole is suspended within 5/12 of the session timeout, and lost at T after the last proof of life', () => {
      const it = stage();
      const trace = watch(it);
      it.time.pass(T - 1);
      const proof = it.server.times('ping').at(-1)!;
      it.server.alive = false;
      it.server.answer = 'silent';
      const silence = it.time.now;
      it.time.pass(3 * T);
      expect(trace.at('suspended')! - silence).toBeLessThanOrEqual((5 / 12) * T);
      expect(trace.at('lost')).toBe(proof + T);
      expect(trace.statuses.slice(1, 4)).toEqual(['connected', 'suspended', 'lost']);
      expect(trace.last).toMatchObject({ status: 'connecting' });
      expect(trace.trace.find(({ state }) => state.status === 'lost')?.state).toMatchObject({ confirmed: false });
    });

    it('holds whenever the silence begins, and however slow the answers were before it', () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 3 * T }), fc.integer({ min: 0, max: T / 4 - 1 }), (after, pingMs) => {
          const it = stage();
          it.server.pingMs = pingMs;
          const trace = watch(it);
          it.time.pass(after);
          it.server.alive = false;
          it.server.answer = 'silent';
          const silence = it.time.now;
          it.time.pass(T + 1);
          // An answer under way at that moment is still a proof, of the moment when its ping was sent.
          expect(trace.at('suspended')! - silence).toBeLessThanOrEqual((5 / 12) * T + pingMs);
          const proof = Math.max(0, ...it.server.times('ping').filter((at) => at <= silence));
          expect(trace.at('lost')!).toBeLessThanOrEqual(proof + T);
          expect(trace.flaws).toEqual([]);
        }),
      );
    });

    it('counts from the sending of a ping, not from its answer', () => {
      const it = stage();
      it.server.pingMs = T / 4 - 1;
      const trace = watch(it);
      it.time.pass(T / 6 + T / 4);
      expect(it.server.times('ping')).toEqual([T / 6]);
      it.server.alive = false;
      it.server.answer = 'silent';
      it.time.pass(T);
      expect(trace.at('lost')).toBe(T / 6 + T);
    });

    it('is lost on time too when the transport broke and nobody can be reached', () => {
      const it = stage();
      const trace = watch(it);
      it.time.pass(T / 6 + 1_000);
      it.server.answer = 'refuse';
      it.server.breakLinks();
      expect(trace.status).toBe('suspended');
      it.time.pass(2 * T);
      expect(trace.at('lost')).toBe(T / 6 + T);
    });

    it.each<ErrorCode>(['NOT_AUTHORIZED', 'SERVER_ERROR', 'NO_NODE', 'UNSUPPORTED', 'TOO_LARGE'])(
      'takes an answer that is an error for a sign of life: %s',
      (code) => {
        const it = stage();
        it.server.pingError = new RegistryError(code, 'an answer');
        const trace = watch(it);
        it.time.pass(10 * T);
        expect(trace.statuses).toEqual(['connecting', 'connected']);
        expect(trace.error).toBeUndefined();
      },
    );

    it.each<ErrorCode>(['CONNECTION_LOST', 'TIMEOUT'])('takes no failure to get an answer for one: %s', (code) => {
      const it = stage();
      const trace = watch(it);
      it.server.answer = 'refuse';
      it.server.pingError = new RegistryError(code, 'no answer');
      it.time.pass(T / 6 + 10);
      expect(trace.last).toMatchObject({ status: 'suspended', cause: { code } });
      it.time.pass(T);
      expect(trace.statuses).toContain('lost');
    });

    it('takes the answer that the session is over for its end', () => {
      const it = stage();
      const trace = watch(it);
      it.server.pingError = new RegistryError('SESSION_EXPIRED', 'over');
      it.time.pass(T / 6 + 1_000);
      expect(trace.statuses.slice(1, 4)).toEqual(['connected', 'lost', 'connecting']);
      expect(trace.trace[2]?.state).toMatchObject({ confirmed: true });
    });

    it('a handshake has a bound', () => {
      const it = stage();
      it.server.answer = 'silent';
      const trace = watch(it);
      it.time.pass(3 * T);
      expect(Math.max(...gaps(it.server.times('open')))).toBeLessThanOrEqual(T / 4 + 1_500);
      expect(trace.last).toMatchObject({ status: 'connecting', cause: { code: 'TIMEOUT' } });
      it.server.answer = 'accept';
      it.time.pass(T);
      expect(trace.status).toBe('connected');
    });
  });

  describe('the session', () => {
    it('that was not lost is resumed as the same object: no flap', () => {
      const it = stage();
      const trace = watch(it);
      it.server.breakLinks();
      it.time.pass(1_000);
      expect(trace.statuses).toEqual(['connecting', 'connected', 'suspended', 'connected']);
      const [first, second] = trace.trace.flatMap(({ state }) => (state.status === 'connected' ? state.session : []));
      expect(second).toBe(first);
    });

    it('that only our clock gave up is tried first, and resumed if the server still knows it', () => {
      const it = stage();
      const trace = watch(it);
      it.server.answer = 'refuse';
      it.server.breakLinks();
      it.time.pass(2 * T);
      expect(trace.statuses).toContain('lost');
      it.server.answer = 'accept';
      it.time.pass(2_000);
      expect(trace.status).toBe('connected');
      expect(trace.sessionId).toBe('s1');
      expect(new Set(it.server.asked.filter(({ what }) => what === 'open').map(({ session }) => session))).toEqual(
        new Set([undefined, 's1']),
      );
      expect(trace.flaws).toEqual([]);
    });

    it('is replaced once the server says that it is over, and only then', () => {
      const it = stage();
      const trace = watch(it);
      it.server.expireAll();
      it.time.pass(2_000);
      expect(trace.statuses).toEqual(['connecting', 'connected', 'suspended', 'lost', 'connecting', 'connected']);
      expect(trace.trace[3]?.state).toMatchObject({ confirmed: true, cause: { code: 'SESSION_EXPIRED' } });
      expect(trace.sessionId).toBe('s2');
    });

    it('that is over after our clock gave it up is replaced without a second `lost`', () => {
      const it = stage();
      const trace = watch(it);
      it.server.answer = 'refuse';
      it.server.expireAll();
      it.time.pass(2 * T);
      it.server.answer = 'accept';
      it.time.pass(3_000);
      expect(trace.status).toBe('connected');
      expect(trace.sessionId).toBe('s2');
      expect(trace.statuses.filter((status) => status === 'lost')).toHaveLength(1);
      expect(trace.flaws).toEqual([]);
    });

    it('that comes back as another one was lost in between: legal states', () => {
      const it = stage();
      const trace = watch(it);
      it.server.answer = 'replace';
      it.server.breakLinks();
      it.time.pass(1_000);
      expect(trace.statuses).toEqual(['connecting', 'connected', 'suspended', 'lost', 'connecting', 'connected']);
      expect(trace.sessionId).toBe('s2');
      expect(trace.flaws).toEqual([]);
    });
  });

  describe('bounded herd', () => {
    it('attempts grow no faster than the backoff allows', () => {
      const it = stage({ baseMs: 100, maxMs: 1_500, random: () => 1 });
      it.server.answer = 'refuse';
      watch(it);
      it.time.pass(10_000);
      expect(gaps(it.server.times('open')).slice(0, 7)).toEqual([100, 200, 400, 800, 1_500, 1_500, 1_500]);
    });

    it('the backoff begins anew after connected, and not after an attempt', () => {
      const it = stage({ baseMs: 100, maxMs: 1_500, random: () => 1 });
      it.server.answer = 'refuse';
      watch(it);
      it.time.pass(6_000);
      it.server.answer = 'accept';
      it.time.pass(1_500);
      it.server.answer = 'refuse';
      const before = it.server.asked.length;
      it.server.breakLinks();
      it.time.pass(2_000);
      const later = it.server.asked.slice(before).filter(({ what }) => what === 'open');
      expect(gaps(later.map(({ at }) => at)).slice(0, 3)).toEqual([200, 400, 800]);
    });

    it('a server that swallows handshakes does not make the backoff begin anew', () => {
      const it = stage({ baseMs: 100, maxMs: 1_500, random: () => 1 });
      it.server.answer = 'silent';
      watch(it);
      it.time.pass(5 * T);
      const bound = T / 4;
      expect(gaps(it.server.times('open')).slice(0, 6)).toEqual(
        [100, 200, 400, 800, 1_500, 1_500].map((wait) => wait + bound),
      );
    });

    /** Ends every session of a server so long after it began. */
    function endSessionsAfter(ms: number, { server, time, backend }: Stage): void {
      backend.states.subscribe(({ status }) => {
        if (status === 'connected') time.scheduler.schedule(() => server.expireAll(), ms);
      });
    }

    it('a server that ends every session as soon as it begins is not asked for the next one at full speed', () => {
      const it = stage({ baseMs: 100, maxMs: 1_500, random: () => 1 });
      const trace = watch(it);
      endSessionsAfter(5, it);
      it.time.pass(60_000);
      // Each session takes two attempts: one is told that it is over, the other begins the next. Both wait 100, 200, 400, 800
      // and from then on 1500 ms, so 6 s pass until the waits are at their bound, and 54 s hold 36 more attempts.
      expect(it.server.times('open').length).toBeLessThanOrEqual(1 + 2 * 5 + 54_000 / 1_500);
      expect(gaps(it.server.times('open')).at(-1)).toBeGreaterThanOrEqual(1_500);
      expect(trace.flaws).toEqual([]);
    });

    it('a session that lasted longer than the longest wait is replaced at once, as often as that happens', () => {
      const it = stage({ baseMs: 100, maxMs: 1_500, random: () => 1 });
      const trace = watch(it);
      endSessionsAfter(1_500, it);
      it.time.pass(60_000);
      // A wait of 100 ms to be told that it is over, another one to begin the next.
      expect(gaps(it.server.times('open')).every((gap) => gap === 100 || gap === 1_600)).toBe(true);
      expect(trace.statuses.filter((status) => status === 'connected').length).toBeGreaterThan(30);
    });

    it('no two clients share a schedule', () => {
      const time = new VirtualTime();
      const schedules = Array.from({ length: 20 }, () => {
        const server = new FakeServer(time.scheduler, T);
        server.answer = 'refuse';
        client(time, server, {}).states.subscribe();
        return server;
      });
      time.pass(10_000);
      const retries = schedules.flatMap((server) => server.times('open').slice(1));
      expect(new Set(retries).size).toBe(retries.length);
    });
  });

  describe('an error that nothing can help', () => {
    it('ends the states, and leaves no timer', () => {
      const it = stage();
      it.server.answer = 'deny';
      const trace = watch(it);
      expect(trace.error).toMatchObject({ code: 'NOT_AUTHORIZED' });
      expect(trace.statuses).toEqual(['connecting']);
      expect(it.time.timers).toBe(0);
    });

    it('ends them from within an outage too', () => {
      const it = stage();
      const trace = watch(it);
      it.server.answer = 'deny';
      it.server.breakLinks();
      it.time.pass(1_000);
      expect(trace.error).toBeInstanceOf(RegistryError);
      expect(it.time.timers).toBe(0);
    });
  });

  describe('clean shutdown', () => {
    it.each<[string, (it: Stage) => void]>([
      ['before anyone looked', () => undefined],
      ['connecting, in a handshake', (it) => ((it.server.answer = 'silent'), watch(it), it.time.pass(500))],
      ['connecting, in a wait', (it) => ((it.server.answer = 'refuse'), watch(it), it.time.pass(3_333))],
      ['connected', (it) => (watch(it), it.time.pass(1_000))],
      ['connected, with a ping under way', (it) => (watch(it), it.time.pass(T / 6 + 5))],
      ['connected to nobody', (it) => ((it.server.acknowledges = it.server.alive = false), watch(it))],
      [
        'suspended',
        (it) => {
          watch(it);
          it.server.answer = 'refuse';
          it.server.breakLinks();
          it.time.pass(1_000);
        },
      ],
      [
        'lost',
        (it) => {
          watch(it);
          it.server.answer = 'refuse';
          it.server.breakLinks();
          it.time.pass(T);
        },
      ],
      ['closed', (it) => void it.backend.close()],
    ])('close() resolves by its deadline when %s, and leaves no timer', async (_state, prepare) => {
      const it = stage();
      prepare(it);
      const began = it.time.now;
      await it.time.settle(it.backend.close(700));
      expect(it.time.now - began).toBeLessThanOrEqual(700);
      expect(it.server.links).toBe(0);
      expect(it.time.timers).toBe(0);
      const asked = it.server.asked.length;
      it.time.pass(5 * T);
      expect(it.server.asked.length, 'nothing is asked after it').toBe(asked);
    });

    it('closed is final, and told to whoever comes late', async () => {
      const it = stage();
      const trace = watch(it);
      await it.time.settle(it.backend.close());
      expect(trace.statuses).toEqual(['connecting', 'connected', 'closed']);
      expect(trace.completed).toBe(true);
      const late: ConnectionState[] = [];
      let completed = false;
      it.backend.states.subscribe({ next: (state) => late.push(state), complete: () => (completed = true) });
      expect(late).toEqual([{ status: 'closed' }]);
      expect(completed).toBe(true);
      expect(it.server.times('open')).toEqual([0]);
    });

    it('is told `closed` by a backend that was closed before anyone looked', async () => {
      const it = stage();
      await it.time.settle(it.backend.close());
      const trace = watch(it);
      expect(trace.statuses).toEqual(['closed']);
      expect(trace.flaws).toEqual([]);
      expect(it.server.asked).toEqual([]);
    });

    it('ends the session before it drops the transport', async () => {
      const it = stage();
      watch(it);
      await it.time.settle(it.backend.close());
      expect(it.server.asked.map(({ what }) => what)).toEqual(['open', 'end', 'drop']);
    });

    it('waits for the end of a session whose last subscriber has just left', async () => {
      const it = stage();
      it.server.acknowledges = false;
      const subscription = it.backend.states.subscribe();
      subscription.unsubscribe();
      const closing = it.backend.close(900);
      await it.time.settle(closing);
      expect(it.time.now).toBe(900);
      expect(it.server.links).toBe(0);
      expect(it.time.timers).toBe(0);
    });

    it('gives the end of a session up after a session timeout: the server has ended it by then', () => {
      const it = stage();
      it.server.acknowledges = false;
      it.backend.states.subscribe().unsubscribe();
      it.time.pass(T);
      expect(it.server.links).toBe(0);
      expect(it.time.timers).toBe(0);
    });
  });

  it('keeps legal states through any history, and its timers for itself', () => {
    const steps = fc.array(
      fc.oneof(
        fc.constantFrom<(it: Stage) => void>(
          ({ server }) => server.breakLinks(),
          ({ server }) => server.expireAll(),
          ({ server }) => void (server.alive = false),
          ({ server }) => void (server.alive = true),
          ({ server }) => void (server.answer = 'refuse'),
          ({ server }) => void (server.answer = 'silent'),
          ({ server }) => void (server.answer = 'replace'),
          ({ server }) => void (server.answer = 'accept'),
        ),
        fc.integer({ min: 1, max: T }).map((ms) => (it: Stage) => it.time.pass(ms)),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (history) => {
        const it = stage();
        const trace = new StatesTrace(it.backend.states, it.time.scheduler);
        const subscription = it.backend.states.subscribe();
        for (const step of history) step(it);
        it.server.answer = 'accept';
        it.server.alive = true;
        it.time.pass(3 * T);
        expect(trace.status).toBe('connected');
        expect(trace.flaws).toEqual([]);
        void it.backend.close(0);
        it.time.pass(0);
        expect(subscription.closed).toBe(true);
        expect(it.time.timers).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

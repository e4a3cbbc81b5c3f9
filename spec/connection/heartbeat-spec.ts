import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connect } from '../../lib/connection/index.js';
import { StatesTrace } from '../support/virtual/statesTrace.js';
import { VirtualTime } from '../support/virtual/virtualTime.js';
import { FakeServer } from './fakeServer.js';

/** The session timeout; its twelfths are what the promises are made of. */
const T = 12_000;
/** Bytes are looked for so often while an answer is waited for. */
const LOOK = T / 4 / 10;

interface Stage {
  readonly time: VirtualTime;
  readonly server: FakeServer;
  readonly trace: StatesTrace;
  /** Lets time pass in which so many bytes a second flow. */
  readonly flow: (ms: number, bytesPerSecond: number) => void;
}

function stage(): Stage {
  const time = new VirtualTime();
  const server = new FakeServer(time.scheduler, T);
  const backend = connect(server.open, {
    name: 'fake',
    sessionTimeoutMs: T,
    scheduler: time.scheduler,
    reconnect: { random: () => 0.5 },
  });
  const trace = new StatesTrace(backend.states, time.scheduler);
  const flow = (ms: number, bytesPerSecond: number): void => {
    for (let passed = 0; passed < ms; passed += 50) {
      server.bytes += bytesPerSecond / 20;
      time.pass(50);
    }
  };
  return { time, server, trace, flow };
}

/** The server reads pings, and answers behind what it is sending. */
function answersBehindADownload({ server }: Stage): void {
  server.alive = false;
}

describe('an answer that waits behind what flows', () => {
  it('is waited for: nothing happens while a download takes most of a session timeout', () => {
    const it = stage();
    it.server.pingMs = 0.75 * T;
    it.flow(0.75 * T + T / 6, 100_000);
    it.server.pingMs = 10;
    it.time.pass(T);
    expect(it.trace.statuses).toEqual(['connecting', 'connected']);
    expect(it.server.times('open')).toHaveLength(1);
  });

  it('does not move the session’s clock: bytes say nothing about what the server has read', () => {
    const it = stage();
    it.time.pass(T / 6 + 20);
    answersBehindADownload(it);
    it.flow(3 * T, 100_000);
    expect(it.trace.at('lost')).toBe(T / 6 + T);
    expect(it.trace.trace.find(({ state }) => state.status === 'lost')?.state).toMatchObject({ confirmed: false });
    expect(it.trace.flaws).toEqual([]);
  });

  it('that comes after the session was lost by our clock brings the same session back on the same link', () => {
    const it = stage();
    it.time.pass(T / 6 + 20);
    answersBehindADownload(it);
    it.flow(2 * T, 100_000);
    expect(it.trace.statuses.slice(1)).toEqual(['connected', 'lost', 'connecting']);
    it.server.alive = true;
    it.server.answerHeld();
    it.time.pass(T / 6 + 20);
    expect(it.trace.statuses.slice(1)).toEqual(['connected', 'lost', 'connecting', 'connected']);
    expect(it.trace.sessionId).toBe('s1');
    expect(it.server.times('open')).toHaveLength(1);
    expect(it.server.times('drop')).toHaveLength(0);
    it.time.pass(10 * T);
    expect(it.trace.status).toBe('connected');
  });

  it('that is of a time for which nobody can vouch any more proves nothing', () => {
    const it = stage();
    it.server.pingMs = T + 100;
    it.flow(T / 6 + T + 90, 100_000);
    expect(it.trace.statuses.slice(1)).toEqual(['connected', 'lost', 'connecting']);
    it.server.pingMs = 10;
    it.flow(20, 100_000);
    expect(it.trace.status).toBe('connecting');
    it.time.pass(T / 6 + 20);
    expect(it.trace.status).toBe('connected');
  });

  it('is not waited for longer than two more session timeouts, however many bytes come', () => {
    const it = stage();
    answersBehindADownload(it);
    it.flow(3 * T + 3_000, 100_000);
    expect(it.trace.trace.find(({ state }) => state.status === 'lost')?.at).toBe(T);
    expect(it.server.times('drop')[0]).toBe(3 * T);
    expect(it.server.times('open').length).toBeGreaterThan(1);
    expect(it.trace.flaws).toEqual([]);
  });

  it('is late a quarter of the session timeout after the last bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), (steps) => {
        const it = stage();
        answersBehindADownload(it);
        it.flow(T / 6 + steps * 500, 100_000);
        const silence = it.time.now;
        it.server.answer = 'silent';
        it.time.pass(T / 4 + LOOK);
        expect(it.trace.at('suspended')! - silence).toBeLessThanOrEqual(T / 4 + LOOK);
        expect(it.trace.last).toMatchObject({ status: 'suspended', cause: { code: 'TIMEOUT' } });
      }),
    );
  });

  it('is late where bytes only drip', () => {
    const it = stage();
    answersBehindADownload(it);
    it.server.answer = 'silent';
    it.flow(T, 100);
    expect(it.trace.at('suspended')!).toBeLessThanOrEqual((5 / 12) * T);
  });
});

describe('an answer to a ping behind a large request', () => {
  it('may take half the session timeout', () => {
    const it = stage();
    it.server.sending = true;
    it.server.pingMs = T / 2 - 100;
    it.time.pass(3 * T);
    expect(it.trace.statuses).toEqual(['connecting', 'connected']);
  });

  it('is late after that: silence is suspended within two thirds of the session timeout', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 * T }), (after) => {
        const it = stage();
        it.server.sending = true;
        it.time.pass(after);
        it.server.alive = false;
        it.server.answer = 'silent';
        const silence = it.time.now;
        it.time.pass(T);
        expect(it.trace.at('suspended')! - silence).toBeLessThanOrEqual((2 / 3) * T + 10);
      }),
    );
  });
});

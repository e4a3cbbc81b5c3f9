import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { CallMeter, type CallOutcome } from '../../lib/balancers/index.js';
import { VirtualTime } from '../support/virtual/index.js';

const told = (meter: CallMeter): CallOutcome[] => {
  const outcomes: CallOutcome[] = [];
  meter.outcomes.subscribe((outcome) => outcomes.push(outcome));
  return outcomes;
};

describe('CallMeter', () => {
  it('counts calls under way and tells what came of them', () => {
    const time = new VirtualTime();
    const meter = new CallMeter({ scheduler: time.scheduler });
    const outcomes = told(meter);
    const one = meter.begin('a');
    time.pass(5);
    const other = meter.begin('a');
    expect([meter.inFlight('a'), meter.inFlight('b')]).toEqual([2, 0]);
    time.pass(5);
    one.end(true);
    expect(meter.inFlight('a')).toBe(1);
    other.end(false);
    expect(meter.inFlight('a')).toBe(0);
    expect(outcomes).toEqual([
      { key: 'a', ok: true, latencyMs: 10 },
      { key: 'a', ok: false, latencyMs: 5 },
    ]);
  });

  it('tells nothing of a call that was cancelled', () => {
    const meter = new CallMeter();
    const outcomes = told(meter);
    meter.begin('a').cancel();
    expect(meter.inFlight('a')).toBe(0);
    expect(outcomes).toEqual([]);
  });

  it('counts the first end of a call only', () => {
    const meter = new CallMeter();
    const outcomes = told(meter);
    meter.begin('a');
    const call = meter.begin('a');
    call.end(true);
    call.end(false);
    call.cancel();
    expect(meter.inFlight('a')).toBe(1);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true]);
    const cancelled = meter.begin('a');
    cancelled.cancel();
    cancelled.end(false);
    expect(outcomes.length).toBe(1);
  });

  it('has counted a call as over by the time it tells so', () => {
    const meter = new CallMeter();
    const seen: number[] = [];
    meter.outcomes.subscribe(({ key }) => seen.push(meter.inFlight(key)));
    meter.begin('a').end(true);
    expect(seen).toEqual([0]);
  });

  it('remembers an instance only while there is a call to it', () => {
    const meter = new CallMeter();
    const calls = Array.from({ length: 100 }, (_, index) => meter.begin(`host-${index % 10}`));
    expect(meter.size).toBe(10);
    calls.forEach((call, index) => (index % 3 === 0 ? call.cancel() : call.end(index % 2 === 0)));
    expect(meter.size).toBe(0);
  });

  it('measures on a clock that is not set: time that goes back is no time', () => {
    let now = 1_000;
    const scheduler = Object.assign(new TestScheduler(() => undefined), { now: () => now });
    const meter = new CallMeter({ scheduler });
    const outcomes = told(meter);
    const call = meter.begin('a');
    now = 0;
    call.end(true);
    expect(outcomes[0]!.latencyMs).toBe(0);
  });

  it('measures on the monotonic clock if it is told no other', () => {
    const original = Date.now;
    Date.now = () => 0;
    try {
      const meter = new CallMeter();
      const outcomes = told(meter);
      const call = meter.begin('a');
      const began = performance.now();
      while (performance.now() - began < 3);
      call.end(true);
      expect(outcomes[0]!.latencyMs).toBeGreaterThanOrEqual(3);
    } finally {
      Date.now = original;
    }
  });

  it('goes on telling others when one of them throws', async () => {
    const meter = new CallMeter();
    const thrown: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => thrown.push(error));
    meter.outcomes.subscribe(() => {
      throw new Error('listener');
    });
    const outcomes = told(meter);
    meter.begin('a').end(true);
    expect(outcomes.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect(thrown).toEqual([new Error('listener')]);
  });
});

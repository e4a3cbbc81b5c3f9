import { describe, expect, it } from 'vitest';
import { ElapsedTime } from '../../lib/operators/elapsedTime.js';

describe('ElapsedTime', () => {
  it('passes as the clock does', () => {
    const time = new ElapsedTime(1_000);
    expect(time.nowMs).toBe(0);
    expect(time.read(1_010)).toBe(10);
    expect(time.read(1_025)).toBe(25);
    expect(time.nowMs).toBe(25);
  });

  it('stands still when the clock is set back, and goes on from there', () => {
    const time = new ElapsedTime(1_000);
    time.read(1_010);
    expect(time.read(500)).toBe(10);
    expect(time.read(520)).toBe(30);
  });

  it('does not pass a timer that runs by more than timers are late, when the clock is set forward', () => {
    const time = new ElapsedTime(0);
    time.expect(100);
    expect(time.read(3_600_000)).toBe(1_100);
    expect(time.read(3_600_050)).toBe(1_100);
    expect(time.reach(100, 3_600_060)).toBe(1_100);
    time.expect(1_200);
    expect(time.read(3_600_100)).toBe(1_140);
  });

  it('believes a timer that fires when the clock was set back', () => {
    const time = new ElapsedTime(5_000);
    time.expect(100);
    expect(time.read(1_000)).toBe(0);
    expect(time.reach(100, 1_050)).toBe(100);
    expect(time.read(1_060)).toBe(110);
  });

  it('believes the clock where no timer runs', () => {
    const time = new ElapsedTime(0);
    time.expect(100);
    time.expect(undefined);
    expect(time.read(3_600_000)).toBe(3_600_000);
  });

  it('never goes back when a timer is far overdue', () => {
    const time = new ElapsedTime(0);
    time.read(5_000);
    time.expect(100);
    expect(time.read(5_001)).toBe(5_000);
  });
});

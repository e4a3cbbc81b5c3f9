import { describe, expect, it } from 'vitest';
import { FailureSignal } from '../../lib/internal/failureSignal.js';

describe('a FailureSignal', () => {
  it('errors all who wait, once, and whoever comes later at once', () => {
    const signal = new FailureSignal();
    const told: string[] = [];
    const wait = (name: string) =>
      signal.subscribe({ error: (error: unknown) => told.push(`${name} ${String(error)}`) });
    wait('a');
    wait('left').unsubscribe();
    wait('b');
    expect(signal.waiting).toBe(2);
    signal.error('over');
    signal.error('again');
    wait('late');
    expect(told).toEqual(['a over', 'b over', 'late over']);
    expect(signal.waiting).toBe(0);
  });

  it('can be left, and waited for anew, from within', () => {
    const signal = new FailureSignal();
    const told: string[] = [];
    const other = signal.subscribe({ error: () => told.push('other') });
    signal.subscribe({
      error: () => {
        other.unsubscribe();
        signal.subscribe({ error: () => told.push('anew') });
      },
    });
    const last = signal.subscribe({ error: () => told.push('last') });
    signal.error('over');
    expect(told).toEqual(['other', 'anew', 'last']);
    expect(last.closed).toBe(true);
  });
});

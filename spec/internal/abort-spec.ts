import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { whenAborted } from '../../lib/internal/abort.js';

describe('whenAborted', () => {
  const watch = (signal: AbortSignal | undefined) => {
    const seen: unknown[] = [];
    const subscription = whenAborted(signal).subscribe({
      next: (value) => seen.push(['next', value]),
      error: (error: unknown) => seen.push(['error', error]),
      complete: () => seen.push(['complete']),
    });
    return { seen, subscription };
  };

  it('errors with the reason when the signal is aborted, and not before', () => {
    const controller = new AbortController();
    const { seen } = watch(controller.signal);
    expect(seen).toEqual([]);
    controller.abort('enough');
    expect(seen).toEqual([['error', 'enough']]);
  });

  it('errors at once with a signal that is aborted already', () => {
    expect(watch(AbortSignal.abort('before')).seen).toEqual([['error', 'before']]);
  });

  it('is silent without a signal', () => {
    expect(watch(undefined).seen).toEqual([]);
  });

  it('unsubscribed from or aborted, leaves no listener behind', () => {
    const controller = new AbortController();
    const { seen, subscription } = watch(controller.signal);
    watch(controller.signal);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(2);
    subscription.unsubscribe();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect(seen).toEqual([]);
  });
});

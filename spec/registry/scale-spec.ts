import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRegistry } from '../../lib/createRegistry.js';

const COUNT = 1_000;

describe('bounded load: taking a registration back', () => {
  afterEach(() => vi.restoreAllMocks());

  // RxJS finds whoever leaves a `Subject`, or a `Subscription`, by searching a list. Where a list has an entry for each
  // registration, taking all of them back searches half a million entries; the few that one has of its own cost nothing.
  it.each(['unsubscribe', 'close'] as const)('by %s searches no list of all others', async (how) => {
    const registry = createRegistry('memory://');
    const subscriptions = await new Promise<{ unsubscribe(): void }[]>((resolve) => {
      let standing = 0;
      const all = Array.from({ length: COUNT }, (_, index) =>
        registry.register(`dubbo://h${index}:1/com.acme.Scale`).subscribe(({ status }) => {
          if (status === 'registered' && (standing += 1) === COUNT) resolve(all);
        }),
      );
    });
    const { indexOf } = Array.prototype;
    let searched = 0;
    vi.spyOn(Array.prototype, 'indexOf').mockImplementation(function (this: unknown[], ...of) {
      searched += this.length;
      return indexOf.apply(this, of);
    });
    if (how === 'unsubscribe') for (const subscription of subscriptions) subscription.unsubscribe();
    await registry.close();
    expect(searched / COUNT).toBeLessThan(100);
  });
});

import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../../lib/errors.js';
import { Deliveries } from '../../../lib/backends/zookeeper/deliveries.js';
import { RefusedRequests } from '../../../lib/backends/zookeeper/refusedRequests.js';
import { type Done, RequestWindow } from '../../../lib/backends/zookeeper/requestWindow.js';

/** How many requests go at once as long as none is answered. */
const WINDOW = 16;

function setUp(refused = new RefusedRequests(10_000, () => 0)) {
  const requests = new RequestWindow(new Deliveries(), {
    codeOf: (error) => (error === undefined ? 0 : -1),
    // No answer is soon, and none late: the window stays as it is.
    patienceMs: () => NaN,
    refused,
  });
  const sent: { readonly path: string; readonly done: Done<void> }[] = [];
  const results: string[] = [];
  const ask = (path: string, more: { urgent?: boolean; send?: (done: Done<void>) => void } = {}) =>
    requests
      .request<void>({ operation: 'test', path, send: (done) => void sent.push({ path, done }), ...more })
      .subscribe({
        complete: () => results.push(path),
        error: (error: unknown) => results.push(`${path}: ${(error as RegistryError).code}`),
      });
  const fill = () => Array.from({ length: WINDOW }, (_, index) => ask(`/full-${index}`));
  const paths = () => sent.slice(WINDOW).map(({ path }) => path);
  const answer = (index: number) => sent[index]!.done(undefined, () => undefined);
  return { requests, sent, results, ask, fill, paths, answer };
}

describe('RequestWindow', () => {
  it('sends what waits in the order in which it was asked for, one for each answer', () => {
    const { ask, fill, paths, answer } = setUp();
    fill();
    for (const path of ['/a', '/b', '/c']) ask(path);
    expect(paths()).toEqual([]);
    answer(0);
    expect(paths()).toEqual(['/a']);
    ask('/d');
    answer(1);
    answer(2);
    expect(paths()).toEqual(['/a', '/b', '/c']);
  });

  it('never sends what was left before its turn', () => {
    const { ask, fill, paths, answer } = setUp();
    fill();
    const left = ask('/left');
    ask('/wanted');
    left.unsubscribe();
    answer(0);
    expect(paths()).toEqual(['/wanted']);
  });

  it('sends what is urgent ahead of all that waits', () => {
    const { ask, fill, paths, answer } = setUp();
    fill();
    ask('/waits');
    ask('/urgent', { urgent: true });
    expect(paths()).toEqual(['/urgent']);
    answer(0);
    // The window is one wider than it should be as long as the urgent one is under way.
    expect(paths()).toEqual(['/urgent']);
    answer(1);
    expect(paths()).toEqual(['/urgent', '/waits']);
  });

  it('goes on after a request that cannot be sent, and keeps the order', async () => {
    const { ask, fill, paths, results, answer } = setUp();
    fill();
    ask('/bad', {
      send: () => {
        throw new Error('cannot be encoded');
      },
    });
    ask('/a');
    ask('/b');
    answer(0);
    expect(paths()).toEqual(['/a']);
    answer(1);
    expect(paths()).toEqual(['/a', '/b']);
    await Promise.resolve();
    expect(results).toContain('/bad: SERVER_ERROR');
  });

  it('takes any number of requests that have nothing to send', async () => {
    const { ask, fill, paths, results, answer } = setUp();
    fill();
    for (let index = 0; index < 50_000; index += 1) {
      ask(`/idle-${index}`, { send: (done) => done(undefined, () => undefined) });
    }
    ask('/last');
    answer(0);
    expect(paths()).toEqual(['/last']);
    await Promise.resolve();
    expect(results).toHaveLength(50_001);
  });

  it('fails everything when the connection ends, sent or not, and whatever comes later', async () => {
    const { requests, ask, results } = setUp();
    ask('/sent');
    requests.fail(new RegistryError('CONNECTION_LOST', 'It broke.'));
    ask('/later');
    await Promise.resolve();
    expect(results.sort()).toEqual(['/later: CONNECTION_LOST', '/sent: CONNECTION_LOST']);
  });
});

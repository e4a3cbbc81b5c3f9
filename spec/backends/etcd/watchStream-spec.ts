import type { IEvent, IWatchRequest, IWatchResponse } from 'etcd3';
import { Observable, Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EtcdClient } from '../../../lib/backends/etcd/client.js';
import { keyOf } from '../../../lib/backends/etcd/keys.js';
import { openWatchStream, type WatchAnswer, type WatchStream } from '../../../lib/backends/etcd/watchStream.js';

const TIMEOUT_MS = 1_200;

/** The server's end of a raw stream. */
class Far {
  readonly answers = new Subject<IWatchResponse>();
  readonly requests: IWatchRequest[] = [];
  answersProbes = true;
  left = false;
  stream: WatchStream | undefined;
  error: unknown;

  readonly subscription = openWatchStream(this.client(), TIMEOUT_MS).subscribe({
    next: (stream) => (this.stream = stream),
    error: (error: unknown) => (this.error = error),
  });

  get creates(): number {
    return this.requests.filter(({ create_request: create }) => create).length;
  }

  get probes(): number {
    return this.requests.filter(({ progress_request: progress }) => progress).length;
  }

  answer(answer: Partial<IWatchResponse>): void {
    this.answers.next({
      ...{ header: { revision: '100' }, watch_id: '-1', created: false, canceled: false, compact_revision: '0' },
      ...{ cancel_reason: '', fragment: false, events: [] },
      ...answer,
    } as IWatchResponse);
  }

  watch(from = 1n) {
    const told: WatchAnswer[] = [];
    const outcome: { error?: unknown } = {};
    const subscription = this.stream!.watch({ key: keyOf('/a'), from }).subscribe({
      next: (answer) => told.push(answer),
      error: (error: unknown) => (outcome.error = error),
    });
    return { told, outcome, subscription };
  }

  private client(): EtcdClient {
    const watches = new Observable((subscriber) => {
      subscriber.next({
        answers: this.answers,
        write: (request: IWatchRequest) => {
          this.requests.push(request);
          if (request.progress_request) queueMicrotask(() => this.answersProbes && this.answer({}));
        },
      });
      return () => (this.left = true);
    });
    return { watches: () => watches } as unknown as EtcdClient;
  }
}

const put = (revision: number): IEvent =>
  ({
    type: 'Put',
    kv: {
      ...{ key: keyOf('/a'), value: Buffer.alloc(0), mod_revision: String(revision) },
      ...{ create_revision: '1', version: '1', lease: '0' },
    },
  }) as unknown as IEvent;
const revisionsOf = (answer: WatchAnswer | undefined) =>
  answer?.type === 'events' ? answer.events.map(({ state }) => Number(state.revision)) : undefined;

describe('a stream of watches', () => {
  beforeEach(
    () => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] }),
  );
  afterEach(() => void vi.useRealTimers());

  const opened = async (): Promise<Far> => {
    const far = new Far();
    await vi.advanceTimersByTimeAsync(0);
    expect(far.stream).toBeDefined();
    return far;
  };

  it('is open once the server answers on it', async () => {
    const far = new Far();
    expect(far.stream).toBeUndefined();
    await vi.advanceTimersByTimeAsync(0);
    expect(far.stream).toBeDefined();
    far.subscription.unsubscribe();
    expect(far.left).toBe(true);
  });

  it('liveness: breaks when the server does not answer a probe, also the first', async () => {
    const silent = new Far();
    silent.answersProbes = false;
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 4 + 1);
    expect(silent.error).toMatchObject({ code: 'CONNECTION_LOST' });

    const far = await opened();
    const { outcome } = far.watch();
    far.answersProbes = false;
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
    expect(far.error).toMatchObject({ code: 'CONNECTION_LOST' });
    expect(outcome.error).toMatchObject({ code: 'CONNECTION_LOST' });
    expect(far.left).toBe(true);
  });

  it('is not probed while it has something to say, and lives while probes are answered', async () => {
    const far = await opened();
    const before = far.probes;
    for (let round = 0; round < 40; round += 1) {
      far.answer({});
      await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 12);
    }
    expect(far.probes).toBe(before);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS * 5);
    expect(far.probes).toBeGreaterThan(before);
    expect(far.error).toBeUndefined();
  });

  it('tells each watch its own, matched by the order of the requests and then by id', async () => {
    const far = await opened();
    const [one, other] = [far.watch(), far.watch()];
    far.answer({ watch_id: '7', created: true });
    far.answer({ watch_id: '9', created: true });
    far.answer({ watch_id: '9', events: [put(5)] });
    far.answer({ watch_id: '8', events: [put(6)] });
    expect(one.told).toEqual([{ type: 'created', revision: 100n }]);
    expect(revisionsOf(other.told[1])).toEqual([5]);
  });

  it('isolation: a watch that is refused errors alone', async () => {
    const far = await opened();
    const [denied, fine] = [far.watch(), far.watch()];
    far.answer({ watch_id: '-1', created: true, canceled: true, cancel_reason: 'etcdserver: permission denied' });
    far.answer({ watch_id: '1', created: true });
    far.answer({ watch_id: '1', events: [put(2)] });
    expect(denied.outcome.error).toMatchObject({ code: 'NOT_AUTHORIZED' });
    expect(fine.told).toHaveLength(2);
    expect(far.error).toBeUndefined();
  });

  it('says that history is gone, before and after it was set', async () => {
    const far = await opened();
    const watch = far.watch();
    far.answer({ watch_id: '1', created: true });
    far.answer({ watch_id: '1', canceled: true, compact_revision: '50' });
    expect(watch.outcome.error).toMatchObject({
      name: 'RegistryError',
      message: expect.stringContaining('50') as string,
    });
  });

  it('tells nothing twice: what is before the first revision asked for is dropped', async () => {
    const far = await opened();
    const watch = far.watch(10n);
    far.answer({ watch_id: '1', created: true });
    far.answer({ watch_id: '1', events: [put(9), put(10), put(11)] });
    far.answer({ watch_id: '1', events: [put(9)] });
    expect(watch.told.map(revisionsOf)).toEqual([undefined, [10, 11]]);
  });

  it('cancels on the server what is left, also what is left before it is set', async () => {
    const far = await opened();
    const [set, early] = [far.watch(), far.watch()];
    far.answer({ watch_id: '1', created: true });
    set.subscription.unsubscribe();
    early.subscription.unsubscribe();
    far.answer({ watch_id: '2', created: true });
    const canceled = far.requests.flatMap(({ cancel_request: cancel }) => (cancel ? [cancel.watch_id] : []));
    expect(canceled).toEqual(['1', '2']);
    far.answer({ watch_id: '1', events: [put(3)] });
    expect(set.told).toHaveLength(1);
    expect(far.creates).toBe(2);
  });

  it('errors what is asked of it when it is over', async () => {
    const far = await opened();
    far.subscription.unsubscribe();
    expect(far.watch().outcome.error).toMatchObject({ code: 'CONNECTION_LOST' });
  });
});

import type { IEvent, IWatchCreateRequest, IWatchRequest, IWatchResponse } from 'etcd3';
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
  /** A probe is a request for a watch under an id that is taken. */
  answersProbes = true;
  failure: unknown;
  left = false;
  stream: WatchStream | undefined;
  error: unknown;

  readonly subscription = openWatchStream(this.client(), TIMEOUT_MS).subscribe({
    next: (stream) => (this.stream = stream),
    error: (error: unknown) => (this.error = error),
  });

  get asked(): IWatchCreateRequest[] {
    return this.requests.flatMap(({ create_request: create }) => create ?? []);
  }

  get probes(): IWatchCreateRequest[] {
    return this.asked.filter(({ filters }) => filters);
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

  answerProbe(): void {
    this.answer({ created: true, canceled: true, cancel_reason: 'etcdserver: duplicate watch ID' });
  }

  private client(): EtcdClient {
    const watches = new Observable((subscriber) => {
      subscriber.next({
        answers: this.answers,
        write: (request: IWatchRequest) => {
          this.requests.push(request);
          if (request.create_request?.filters) queueMicrotask(() => this.answersProbes && this.answerProbe());
        },
      });
      return () => (this.left = true);
    });
    const fail = (error: unknown): void => {
      this.failure = error;
      this.answers.error(error);
    };
    return { watches: () => watches, fail } as unknown as EtcdClient;
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

  /** An open stream with one watch that is set. */
  const watching = async () => {
    const far = new Far();
    const watch = far.watch();
    far.answer({ watch_id: '1', created: true });
    await vi.advanceTimersByTimeAsync(0);
    return { far, ...watch };
  };

  it('is open at once: a server owes no answer to a stream that it was asked for nothing on', async () => {
    const far = new Far();
    expect(far.stream).toBeDefined();
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS * 10);
    expect(far.requests).toEqual([]);
    expect(far.error).toBeUndefined();
    far.subscription.unsubscribe();
    expect(far.left).toBe(true);
  });

  it('liveness: fails the connection when the server does not answer a probe', async () => {
    const { far, outcome } = await watching();
    far.answersProbes = false;
    // Four ticks of twelve until it is probed, three to four for the answer.
    await vi.advanceTimersByTimeAsync((TIMEOUT_MS * 7) / 12 - 1);
    expect(far.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 12 + 1);
    expect(far.failure).toMatchObject({ code: 'CONNECTION_LOST' });
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.error).toMatchObject({ code: 'CONNECTION_LOST' });
    expect(far.left).toBe(true);
  });

  it('liveness: fails the connection when a watch is asked for and not set, however many are asked for after it', async () => {
    const far = new Far();
    far.watch();
    for (let tick = 0; tick < 4; tick += 1) {
      expect(far.failure).toBeUndefined();
      await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 12);
      far.watch();
    }
    expect(far.failure).toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it('liveness: gives a watch its time, however long the stream was silent before', async () => {
    const far = new Far();
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS * 3);
    const { told } = far.watch();
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 4 - 1);
    far.answer({ watch_id: '1', created: true });
    expect(told).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
    expect(far.failure).toBeUndefined();
  });

  it('is not probed while it has something to say, and lives while probes are answered, a refusal included', async () => {
    const { far } = await watching();
    for (let round = 0; round < 40; round += 1) {
      far.answer({});
      await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 12);
    }
    expect(far.probes).toEqual([]);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS * 5);
    expect(far.probes.length).toBeGreaterThan(5);
    expect(far.error).toBeUndefined();
  });

  it('is probed with a key that is watched, which a user may read, under its id, so that nothing is created', async () => {
    const { far } = await watching();
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 2);
    expect(far.probes).toEqual([{ key: keyOf('/a'), watch_id: '1', filters: ['Noput', 'Nodelete'] }]);
  });

  it('bounded load, no leak: a probe that a proxy, which chooses the ids, made a watch of is cancelled', async () => {
    const { far } = await watching();
    far.answersProbes = false;
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 2);
    far.answer({ watch_id: '77', created: true });
    expect(far.requests.at(-1)).toEqual({ cancel_request: { watch_id: '77' } });
  });

  it('is not probed any more when its last watch was left', async () => {
    const { far, subscription } = await watching();
    subscription.unsubscribe();
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS * 3);
    expect(far.probes).toEqual([]);
  });

  it('tells each watch its own, matched by the order of the requests and then by id', async () => {
    const far = new Far();
    const [one, other] = [far.watch(), far.watch()];
    far.answer({ watch_id: '7', created: true });
    far.answer({ watch_id: '9', created: true });
    far.answer({ watch_id: '9', events: [put(5)] });
    far.answer({ watch_id: '8', events: [put(6)] });
    expect(one.told).toEqual([{ type: 'created', revision: 100n }]);
    expect(revisionsOf(other.told[1])).toEqual([5]);
  });

  it('isolation: a watch that is refused errors alone', async () => {
    const far = new Far();
    const [denied, fine] = [far.watch(), far.watch()];
    far.answer({ watch_id: '-1', created: true, canceled: true, cancel_reason: 'etcdserver: permission denied' });
    far.answer({ watch_id: '1', created: true });
    far.answer({ watch_id: '1', events: [put(2)] });
    expect(denied.outcome.error).toMatchObject({ code: 'NOT_AUTHORIZED' });
    expect(fine.told).toHaveLength(2);
    expect(far.error).toBeUndefined();
  });

  it('says that history is gone, before and after it was set', async () => {
    const far = new Far();
    const watch = far.watch();
    far.answer({ watch_id: '1', created: true });
    far.answer({ watch_id: '1', canceled: true, compact_revision: '50' });
    expect(watch.outcome.error).toMatchObject({
      name: 'RegistryError',
      message: expect.stringContaining('50') as string,
    });
  });

  it('tells nothing twice: what is before the first revision asked for is dropped', async () => {
    const far = new Far();
    const watch = far.watch(10n);
    far.answer({ watch_id: '1', created: true });
    far.answer({ watch_id: '1', events: [put(9), put(10), put(11)] });
    far.answer({ watch_id: '1', events: [put(9)] });
    expect(watch.told.map(revisionsOf)).toEqual([undefined, [10, 11]]);
  });

  it('cancels on the server what is left, also what is left before it is set', async () => {
    const far = new Far();
    const [set, early] = [far.watch(), far.watch()];
    far.answer({ watch_id: '1', created: true });
    set.subscription.unsubscribe();
    early.subscription.unsubscribe();
    far.answer({ watch_id: '2', created: true });
    const canceled = far.requests.flatMap(({ cancel_request: cancel }) => (cancel ? [cancel.watch_id] : []));
    expect(canceled).toEqual(['1', '2']);
    far.answer({ watch_id: '1', events: [put(3)] });
    expect(set.told).toHaveLength(1);
    expect(far.asked).toHaveLength(2);
  });

  it('is asked for a few watches at a time, for more with every answer, in order, and never for one that was left', () => {
    // Every answer comes at once.
    using _ = vi.spyOn(performance, 'now').mockReturnValue(0);
    const far = new Far();
    const watches = Array.from({ length: 2_000 }, (_, index) => far.watch(BigInt(index + 1)));
    const first = far.asked.length;
    // What is sent keeps the renewal of leases waiting: four, as with calls.
    expect(first).toBe(4);
    watches[1_999]!.subscription.unsubscribe();
    const underWay: number[] = [];
    for (let answered = 0; answered < 1_999; answered += 1) {
      far.answer({ watch_id: String(far.requests[answered]!.create_request!.watch_id), created: true });
      underWay.push(far.requests.length - answered - 1);
    }
    expect(far.asked.map(({ start_revision: from }) => from)).toEqual(
      Array.from({ length: 1_999 }, (_, index) => String(index + 1)),
    );
    expect(Math.max(...underWay)).toBeGreaterThan(500);
    expect(Math.max(...underWay)).toBeLessThanOrEqual(1_024);
    for (const { told } of watches.slice(0, -1)) expect(told).toHaveLength(1);
  });

  it('errors those that wait for their turn when it is over', async () => {
    const far = new Far();
    const watches = Array.from({ length: 20 }, () => far.watch());
    far.answers.error(new Error('gone'));
    await vi.advanceTimersByTimeAsync(0);
    for (const { outcome } of watches) expect(outcome.error).toBeDefined();
  });

  it('errors what is asked of it when it is over', async () => {
    const far = new Far();
    far.subscription.unsubscribe();
    expect(far.watch().outcome.error).toMatchObject({ code: 'CONNECTION_LOST' });
  });
});

import { describe, expect, it } from 'vitest';
import { Deliveries } from '../../../lib/backends/zookeeper/deliveries.js';
import { ZK } from '../../../lib/backends/zookeeper/errors.js';
import { RefusedRequests } from '../../../lib/backends/zookeeper/refusedRequests.js';
import { type Done, RequestWindow } from '../../../lib/backends/zookeeper/requestWindow.js';
import { RegistryError } from '../../../lib/errors.js';

const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 600_000;

interface Sent {
  readonly bytes: number;
  readonly done: Done<void>;
}

/** A client that asks again for what failed, and a server that closes the connection at what it does not take. */
class Stage {
  now = 0;
  connections = 0;
  /** From so many bytes on the server closes the connection. */
  limit = Infinity;
  readonly refused = new RefusedRequests(FIRST_WAIT_MS, () => this.now);
  readonly failures: string[] = [];
  readonly answered: number[] = [];
  #window = this.#connect();
  #underWay: Sent[] = [];

  #connect(): RequestWindow {
    this.connections += 1;
    const window = new RequestWindow(new Deliveries(), {
      codeOf: (error) => (error === undefined ? ZK.OK : ZK.CONNECTION_LOSS),
      patienceMs: () => NaN,
      refused: this.refused,
    });
    window.opened();
    return window;
  }

  ask(bytes: number, operation = 'create', isBatch = false): void {
    this.#window
      .request<void>({
        operation,
        path: 'x'.repeat(bytes),
        isBatch,
        send: (done) => void this.#underWay.push({ bytes, done }),
      })
      .subscribe({
        complete: () => this.answered.push(bytes),
        error: (error: unknown) => this.failures.push(`${bytes} ${(error as RegistryError).code}`),
      });
  }

  /** The server reads what was sent, in order, until it closes the connection; returns what was under way then. */
  async read(): Promise<readonly number[]> {
    for (let sent = this.#underWay.shift(); sent; sent = this.#underWay.shift()) {
      if (sent.bytes >= this.limit) return this.drop(sent);
      sent.done(undefined, () => undefined);
      await Promise.resolve();
    }
    return [];
  }

  async drop(...unread: readonly Sent[]): Promise<readonly number[]> {
    const all = [...unread, ...this.#underWay];
    this.#underWay = [];
    // As the library does it.
    for (const { done } of all) done(new Error('connection loss'), () => undefined);
    this.#window.closed();
    this.#window.fail(new RegistryError('CONNECTION_LOST', 'It broke.'));
    await Promise.resolve();
    this.#window = this.#connect();
    return all.map(({ bytes }) => bytes);
  }
}

describe('a request at which the server closes the connection', () => {
  it('is found out by being sent alone, and held back', async () => {
    const stage = new Stage();
    stage.limit = 5_000;
    const drops: (readonly number[])[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (const bytes of [900, 6_000, 1_000]) stage.ask(bytes);
      drops.push(await stage.read());
    }
    expect(drops).toEqual([[6_000, 1_000], [6_000], [6_000], [], [], []]);
    expect(stage.failures.slice(-3)).toEqual(['6000 SERVER_ERROR', '6000 SERVER_ERROR', '6000 SERVER_ERROR']);
    expect(stage.answered.slice(-6)).toEqual([900, 1_000, 900, 1_000, 900, 1_000]);
    expect(stage.connections).toBe(4);
  });

  it('is held back with what is larger, but not with what does something else', async () => {
    const stage = new Stage();
    stage.limit = 5_000;
    for (let round = 0; round < 2; round += 1) {
      stage.ask(6_000);
      await stage.read();
    }
    stage.limit = Infinity;
    for (const [bytes, operation] of [
      [6_000, 'create'],
      [6_010, 'create'],
      [5_990, 'create'],
      [6_000, 'read'],
    ] as const) {
      stage.ask(bytes, operation);
      await stage.read();
    }
    expect(stage.answered).toEqual([5_990, 6_000]);
    expect(stage.failures.slice(-2)).toEqual(['6000 SERVER_ERROR', '6010 SERVER_ERROR']);
  });

  it('is sent again later and later, alone, and served when the server takes it', async () => {
    const stage = new Stage();
    stage.limit = 5_000;
    const sentAt: number[] = [];
    for (; stage.now < 3 * LONGEST_WAIT_MS; stage.now += 1_000) {
      stage.ask(6_000);
      stage.ask(1_000);
      const dropped = await stage.read();
      if (dropped.length === 0) continue;
      sentAt.push(stage.now);
      if (sentAt.length > 2) expect(dropped).toEqual([6_000]);
    }
    const waits = sentAt.slice(2).map((at, index) => at - sentAt[index + 1]!);
    expect(waits.slice(1)).toEqual([...waits.slice(1)].sort((a, b) => a - b));
    expect(waits.at(-1)).toBe(LONGEST_WAIT_MS);
    // One drop for each wait, which doubles from 10 s: 20, 40 … up to 600 s.
    expect(sentAt.length).toBeLessThanOrEqual(12);

    stage.limit = Infinity;
    stage.now += LONGEST_WAIT_MS;
    for (const bytes of [6_000, 7_000]) {
      stage.ask(bytes);
      await stage.read();
    }
    expect(stage.answered.slice(-2)).toEqual([6_000, 7_000]);
  });

  it('that asks for many things is asked for in parts, without another try', async () => {
    const stage = new Stage();
    stage.limit = 5_000;
    stage.ask(1_000);
    await stage.read();
    for (let round = 0; round < 2; round += 1) {
      stage.ask(10_000, 'create', true);
      await stage.read();
    }
    const { connections } = stage;
    for (const bytes of [10_000, 5_010, 2_500]) {
      stage.ask(bytes, 'create', true);
      await stage.read();
    }
    expect(stage.failures.slice(-3)).toEqual(['10000 TOO_LARGE', '5010 TOO_LARGE', '2500 TOO_LARGE']);
    expect(stage.connections).toBe(connections);
    // A part of it alone may be sent.
    stage.ask(2_500);
    await stage.read();
    expect(stage.answered.at(-1)).toBe(2_500);
  });
});

describe('a connection that breaks for another reason', () => {
  it('holds nothing back, however often, if what was under way is answered in between', async () => {
    const stage = new Stage();
    for (let round = 0; round < 10; round += 1) {
      for (const bytes of [100, 600, 300]) stage.ask(bytes);
      await stage.drop();
      for (const bytes of [100, 600, 300]) {
        stage.ask(bytes);
        await stage.read();
      }
      stage.ask(600);
      await stage.drop();
      stage.ask(600);
      await stage.read();
    }
    expect(new Set(stage.failures)).toEqual(
      new Set(['100 CONNECTION_LOST', '600 CONNECTION_LOST', '300 CONNECTION_LOST']),
    );
  });

  it('holds back nothing small, the limits of servers are larger, before it has happened ten times', async () => {
    const stage = new Stage();
    for (let round = 0; round < 9; round += 1) {
      stage.ask(600);
      await stage.drop();
    }
    stage.ask(600);
    await stage.read();
    expect(stage.answered).toEqual([600]);
    for (let round = 0; round < 11; round += 1) {
      stage.ask(700);
      await stage.drop();
    }
    expect(stage.failures.slice(-2)).toEqual(['700 CONNECTION_LOST', '700 SERVER_ERROR']);
  });

  it('has its requests sent one after the other only as far as each is larger than those before', async () => {
    const stage = new Stage();
    for (const bytes of [10, 20]) stage.ask(bytes);
    await stage.drop();
    for (const bytes of [100, 50, 60, 200, 150]) stage.ask(bytes);
    expect(await stage.drop()).toEqual([100]);
    for (const bytes of [100, 50, 60, 200, 150]) stage.ask(bytes);
    await stage.read();
    expect(stage.answered).toEqual([100, 50, 60, 200, 150]);
  });
});

import { describe, expect, it } from 'vitest';
import {
  type CallKind,
  type CallListener,
  CallMonitor,
  type InterceptedCall,
  kindOf,
} from '../../../lib/backends/etcd/callMonitor.js';

const [VAIN_TICKS, CALL_TICKS] = [6, 12];
const [OK, CANCELLED, DEADLINE_EXCEEDED, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAVAILABLE] = [0, 1, 4, 7, 8, 14];

/** One call, and the server's side of it. */
class FakeCall implements InterceptedCall {
  readonly heard: string[] = [];
  #far: CallListener | undefined;

  constructor(monitor: CallMonitor, kind: CallKind | undefined) {
    monitor.follow(this, kind);
    this.start(
      { set: () => undefined },
      {
        onReceiveMetadata: () => this.heard.push('begins'),
        onReceiveMessage: () => this.heard.push('message'),
        onReceiveStatus: ({ code }) => this.heard.push(`status ${code}`),
      },
    );
  }

  start(_: unknown, listener: CallListener): void {
    this.#far = listener;
  }

  cancelWithStatus(code: number, details: string): void {
    this.#far?.onReceiveStatus({ code, details });
  }

  begins(): void {
    this.#far?.onReceiveMetadata({});
  }

  ends(code = OK): void {
    if (code === OK) this.#far?.onReceiveMessage({});
    this.#far?.onReceiveStatus({ code, details: '' });
  }
}

class Stage {
  readonly monitor = new CallMonitor({ vainTicks: VAIN_TICKS, callTicks: CALL_TICKS });
  #traffic = { received: 0, sent: 0 };

  call(kind?: CallKind): FakeCall {
    return new FakeCall(this.monitor, kind);
  }

  /** Lets so many ticks pass, in each of which so much is transferred; tells which kind was given up, and in which of them. */
  ticks(count: number, { received = 0, sent = 0 } = {}): readonly [tick: number, CallKind] | undefined {
    for (let tick = 1; tick <= count; tick += 1) {
      this.#traffic = { received: this.#traffic.received + received, sent: this.#traffic.sent + sent };
      const kind = this.monitor.tick(this.#traffic);
      if (kind) return [tick, kind];
    }
    return undefined;
  }
}

describe('the monitor of calls', () => {
  it.each(['read', 'write'] as const)('gives a member up that answers no %s, and no sooner than that', (kind) => {
    const stage = new Stage();
    stage.call(kind);
    expect(stage.ticks(20)).toEqual([VAIN_TICKS + 1, kind]);
  });

  it('tells reads from writes: that the one is answered says nothing of the other', () => {
    const stage = new Stage();
    stage.call('write');
    for (let tick = 1; tick <= VAIN_TICKS; tick += 1) {
      stage.call('read').ends();
      expect(stage.ticks(1)).toBeUndefined();
    }
    stage.call('read').ends();
    expect(stage.ticks(1)).toEqual([1, 'write']);
  });

  it('knows what reads and what writes', () => {
    expect(kindOf('/etcdserverpb.KV/Range')).toBe('read');
    expect(kindOf('/etcdserverpb.KV/Txn')).toBe('write');
    expect(kindOf('/etcdserverpb.Lease/LeaseGrant')).toBe('write');
    // It takes as long as the password is hard to check.
    expect(kindOf('/etcdserverpb.Auth/Authenticate')).toBeUndefined();
  });

  it('no flap: a member that is slow and answers one call after another is not given up', () => {
    const stage = new Stage();
    const calls = Array.from({ length: 20 }, () => stage.call('write'));
    for (const call of calls) {
      expect(stage.ticks(VAIN_TICKS)).toBeUndefined();
      call.ends();
    }
  });

  it.each([PERMISSION_DENIED, RESOURCE_EXHAUSTED])('no flap: an answer that is an error (%i) is an answer', (code) => {
    const stage = new Stage();
    stage.call('write');
    expect(stage.ticks(VAIN_TICKS)).toBeUndefined();
    stage.call('write').ends(code);
    expect(stage.ticks(VAIN_TICKS)).toBeUndefined();
  });

  it.each([CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE])(
    'liveness: that it could not be carried out (%i) is none, and what was waited in vain adds up',
    (code) => {
      const stage = new Stage();
      for (let round = 0; round < 3; round += 1) {
        const call = stage.call('read');
        expect(stage.ticks(2)).toBeUndefined();
        call.ends(code);
        // Nobody waits.
        expect(stage.ticks(50)).toBeUndefined();
      }
      stage.call('read');
      expect(stage.ticks(20)).toEqual([1, 'read']);
    },
  );

  it('no flap: a large answer may take ten times as long, if something arrives all the time', () => {
    const stage = new Stage();
    const call = stage.call('read');
    call.begins();
    expect(stage.ticks(VAIN_TICKS * 10, { received: 20_000 })).toBeUndefined();
    call.ends();
    expect(call.heard).toEqual(['begins', 'message', 'status 0']);
  });

  it('liveness: the beginning of an answer is none', () => {
    const stage = new Stage();
    stage.call('read').begins();
    expect(stage.ticks(20)).toEqual([VAIN_TICKS + 1, 'read']);
  });

  it('ends a call that is not answered, and one that something else is transferred beside for ever', () => {
    const [stuck, starved] = [new Stage(), new Stage()];
    const one = stuck.call();
    stuck.ticks(CALL_TICKS + 1);
    expect(one.heard).toEqual(['status 4']);
    const other = starved.call();
    other.begins();
    starved.ticks(CALL_TICKS * 10, { received: 20_000 });
    expect(other.heard).toEqual(['begins']);
    starved.ticks(2, { received: 20_000 });
    expect(other.heard).toEqual(['begins', 'status 4']);
  });

  it('no flap: a large request is not late while it is being sent', () => {
    const stage = new Stage();
    stage.monitor.sending(1_000_000);
    const call = stage.call('write');
    stage.ticks(1, { sent: 20_000 });
    expect(stage.ticks(45, { sent: 20_000 })).toBeUndefined();
    // All of it was sent by now.
    expect(stage.ticks(20, { sent: 20_000 })).toBeDefined();
    expect(call.heard).toEqual([]);
  });

  it('liveness: requests that are sent and never answered are no progress, however many there are', () => {
    const stage = new Stage();
    let given: unknown;
    for (let tick = 1; tick <= 20 && !given; tick += 1) {
      stage.monitor.sending(30_000);
      stage.call('write');
      if (stage.ticks(1, { sent: 30_000 })) given = tick;
    }
    expect(given).toBe(VAIN_TICKS + 1);
  });

  it('liveness: many small answers, such as signs of life of streams, are no large one', () => {
    const stage = new Stage();
    stage.call('read');
    let given: unknown;
    for (let tick = 1; tick <= 20 && !given; tick += 1) {
      for (let message = 0; message < 1_000; message += 1) stage.monitor.message();
      if (stage.ticks(1, { received: 100_000 })) given = tick;
    }
    expect(given).toBe(VAIN_TICKS + 1);
    expect(stage.monitor.isTransferring).toBe(false);
  });

  it('a call that is a probe says nothing of others, and is ended when nobody answers it', () => {
    const stage = new Stage();
    stage.call('read');
    for (let tick = 1; tick <= VAIN_TICKS; tick += 1) {
      stage.call().ends();
      expect(stage.ticks(1)).toBeUndefined();
    }
    expect(stage.ticks(1)).toEqual([1, 'read']);
    const other = new Stage();
    const probe = other.call();
    other.ticks(CALL_TICKS + 1);
    expect(probe.heard).toEqual(['status 4']);
  });

  it('what else is waited for is late once, unless it comes', () => {
    const stage = new Stage();
    const late: string[] = [];
    stage.monitor.expect(3, () => late.push('one'));
    const came = stage.monitor.expect(3, () => late.push('other'));
    stage.ticks(3);
    expect(late).toEqual([]);
    came();
    stage.ticks(10);
    expect(late).toEqual(['one']);
  });

  it('… and not while something large is transferred, either way', () => {
    const stage = new Stage();
    const late: string[] = [];
    stage.monitor.expect(3, () => late.push('one'));
    stage.ticks(10, { received: 20_000 });
    stage.monitor.sending(500_000);
    stage.ticks(1, { received: 20_000 });
    stage.ticks(10, { sent: 20_000 });
    expect(late).toEqual([]);
    stage.ticks(4);
    expect(late).toEqual(['one']);
  });
});

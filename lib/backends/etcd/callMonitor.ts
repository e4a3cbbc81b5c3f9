import { isAnswered } from './errors.js';

/** What a member can carry out while it cannot carry out the other. */
export type CallKind = 'read' | 'write';

/** What of a call of grpc-js an interceptor uses. */
export interface InterceptedCall {
  start(metadata: CallMetadata, listener: CallListener): void;
  cancelWithStatus(code: number, details: string): void;
}

/** What goes with a call. */
export interface CallMetadata {
  set(name: string, value: string): void;
}

/** Who is told of the answer to a call. */
export interface CallListener {
  onReceiveMetadata(metadata: unknown): void;
  onReceiveMessage(message: unknown): void;
  onReceiveStatus(status: { code: number; details: string }): void;
}

/** How many bytes a connection has received and sent. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

/** How a {@link CallMonitor} judges. */
export interface CallMonitorOptions {
  /** For so many ticks calls of one kind may be made in vain. */
  readonly vainTicks: number;
  /** For so many ticks one call may wait for its answer. */
  readonly callTicks: number;
}

const KINDS: ReadonlyMap<string, CallKind> = new Map([
  ['/etcdserverpb.KV/Range', 'read'],
  ['/etcdserverpb.KV/Txn', 'write'],
  ['/etcdserverpb.Lease/LeaseGrant', 'write'],
  ['/etcdserverpb.Lease/LeaseRevoke', 'write'],
]);

/** The kind of the calls of a method, `/service/method`. */
export function kindOf(path: string): CallKind | undefined {
  return KINDS.get(path);
}

/** Something that is waited for. */
interface Awaited {
  readonly kind: CallKind | undefined;
  readonly ticks: number;
  readonly onLate: () => void;
  /** Ticks that it has been waited for. */
  waited: number;
}

/** The code of gRPC for a call that took too long. */
const DEADLINE_EXCEEDED = 4;

/** Fewer bytes in one tick are signs of life, and small messages. */
const FLOW_BYTES = 4_096;
/** If more arrives for each message, a large one is arriving. */
const BYTES_PER_MESSAGE = 1_024;
/** A tick in which a large message was transferred counts so much: what may have been something else excuses nobody for ever. */
const TRANSFERRING_TICK = 1 / 10;

/**
 * Tells a member that does not serve from one that is slow, and ends the waiting for what is not answered.
 *
 * A member that does not serve may go on renewing leases, for instance while its disk stalls. It does not serve if it answers
 * no call of one kind for long enough. An answer that is an error is an answer. While large messages are being transferred, time
 * passes more slowly.
 *
 * Time is counted in ticks: after a pause of this process one tick comes, and then what arrived meanwhile.
 */
export class CallMonitor {
  readonly #options: CallMonitorOptions;
  readonly #awaited = new Set<Awaited>();
  /** Ticks without an answer to a call of a kind, as far as one was under way. */
  readonly #vainTicks = new Map<CallKind, number>();
  #traffic: Traffic = { received: 0, sent: 0 };
  /** About how many bytes wait to be sent since before the last tick, and how many came after it. */
  #unsent = 0;
  #added = 0;
  /** Messages received since the last tick. */
  #messages = 0;
  #isTransferring = false;

  constructor(options: CallMonitorOptions) {
    this.#options = options;
  }

  /** Whether parts of large messages, either way, were transferred between the last two ticks. */
  get isTransferring(): boolean {
    return this.#isTransferring;
  }

  /** Counts a message that was received. */
  message(): void {
    this.#messages += 1;
  }

  /** Says that a request of about so many bytes is handed over to be sent. */
  sending(bytes: number): void {
    this.#added += bytes;
  }

  /** Waits for something other than a call: calls `onLate` after so many ticks, unless the returned function was called before. */
  expect(ticks: number, onLate: () => void): () => void {
    const awaited = { kind: undefined, ticks, onLate, waited: 0 };
    this.#awaited.add(awaited);
    return () => this.#awaited.delete(awaited);
  }

  /** Follows a unary call from before it starts; without a kind it says nothing of others. */
  follow(call: InterceptedCall, kind: CallKind | undefined): void {
    const onLate = (): void => call.cancelWithStatus(DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED');
    const awaited: Awaited = { kind, ticks: this.#options.callTicks, onLate, waited: 0 };
    const start = call.start.bind(call);
    call.start = (metadata, listener) => {
      this.#awaited.add(awaited);
      start(metadata, {
        onReceiveMetadata: (received) => listener.onReceiveMetadata(received),
        onReceiveMessage: (message) => listener.onReceiveMessage(message),
        onReceiveStatus: (status) => {
          this.#awaited.delete(awaited);
          if (kind && isAnswered(status)) this.#vainTicks.delete(kind);
          listener.onReceiveStatus(status);
        },
      });
    };
  }

  /** Lets a tick pass; returns the kind of calls that were made in vain for too long. */
  tick(traffic: Traffic): CallKind | undefined {
    const received = traffic.received - this.#traffic.received;
    const sent = traffic.sent - this.#traffic.sent;
    const isReceiving = received > Math.max(FLOW_BYTES, this.#messages * BYTES_PER_MESSAGE);
    // What is handed over and sent within one tick is no progress of what waited before it.
    const isSending = Math.min(sent, this.#unsent) > FLOW_BYTES;
    this.#isTransferring = isReceiving || isSending;
    // Where little is sent nothing has waited, however much was estimated.
    this.#unsent = sent > FLOW_BYTES ? Math.max(0, this.#unsent + this.#added - sent) : this.#added;
    this.#added = 0;
    this.#traffic = traffic;
    this.#messages = 0;
    return this.#pass(this.#isTransferring ? TRANSFERRING_TICK : 1);
  }

  #pass(ticks: number): CallKind | undefined {
    const kinds = new Set<CallKind>();
    for (const awaited of this.#awaited) {
      awaited.waited += ticks;
      if (awaited.kind) kinds.add(awaited.kind);
      if (awaited.waited <= awaited.ticks) continue;
      this.#awaited.delete(awaited);
      awaited.onLate();
    }
    for (const kind of kinds) {
      const vain = (this.#vainTicks.get(kind) ?? 0) + ticks;
      this.#vainTicks.set(kind, vain);
      if (vain > this.#options.vainTicks) return kind;
    }
    return undefined;
  }
}

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../servers/freePort.js';
import { type Direction, type Faults, noFaults } from './faults.js';
import { type AfterHole, Link } from './link.js';

export type { Direction } from './faults.js';
export type { AfterHole } from './link.js';

/** A TCP proxy in front of a server that does to connections what networks do. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly address: string;
  /** How many connections are open now. */
  readonly connections: number;
  /** How many there have ever been. */
  readonly accepted: number;
  /** When each of them was accepted, as `performance.now()`. */
  readonly acceptedAt: readonly number[];
  /** How many bytes have been passed on. */
  bytes(): Record<Direction, number>;
  /** Destroys all connections and refuses new ones until {@link heal}. */
  cut(): void;
  /** Accepts connections and swallows bytes, also the ends of streams, until {@link heal}. */
  blackHole(direction?: Direction | 'both'): void;
  /**
   * Ends {@link cut} and {@link blackHole}: new connections pass.
   *
   * Those that were in the hole are destroyed; or stay there with `keep`; or get all that was swallowed with
   * `deliver`, as after a short loss of packets.
   */
  heal(options?: { readonly inHole?: AfterHole }): void;
  /** Delays bytes by so much each way, from now on, in order; 0 ends it. */
  delay(ms: number): void;
  /** Limits each direction of each connection; 0 ends it. */
  throttle(bytesPerSecond: number): void;
  /** Resets all connections and keeps accepting. */
  dropConnections(): void;
  /**
   * Lets exactly so many further bytes through, counted over all connections, then destroys all connections; those
   * made afterwards pass. With 0 that happens when the next byte arrives: a request gets through, its answer does not.
   */
  cutAfter(bytes: number, direction: Direction): void;
  /** Destroys all connections and stops listening. */
  close(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1. */
export async function startFaultProxy(target: { port: number; host?: string }): Promise<FaultProxy> {
  const proxy = new TcpFaultProxy(await freePort(), target);
  await proxy.listen();
  return proxy;
}

class TcpFaultProxy implements FaultProxy {
  readonly port: number;
  readonly address: string;
  readonly acceptedAt: number[] = [];
  readonly #target: { port: number; host?: string };
  readonly #links = new Set<Link>();
  readonly #faults: Record<Direction, Faults> = { toServer: noFaults(), toClient: noFaults() };
  readonly #holes = new Set<Direction>();
  #server: Server | undefined;

  constructor(port: number, target: { port: number; host?: string }) {
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.#target = target;
  }

  get connections(): number {
    return [...this.#links].filter((link) => link.open).length;
  }

  get accepted(): number {
    return this.acceptedAt.length;
  }

  bytes(): Record<Direction, number> {
    return { toServer: this.#faults.toServer.passed, toClient: this.#faults.toClient.passed };
  }

  cut(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const link of this.#links) link.destroy();
  }

  blackHole(direction: Direction | 'both' = 'both'): void {
    const directions: Direction[] = direction === 'both' ? ['toServer', 'toClient'] : [direction];
    for (const each of directions) {
      this.#holes.add(each);
      for (const link of this.#links) link.hold(each);
    }
  }

  heal({ inHole = 'destroy' }: { readonly inHole?: AfterHole } = {}): void {
    this.#holes.clear();
    for (const link of this.#links) link.heal(inHole);
    if (!this.#server) void this.listen();
  }

  delay(ms: number): void {
    this.#set({ delayMs: ms });
  }

  throttle(bytesPerSecond: number): void {
    this.#set({ bytesPerSecond });
  }

  dropConnections(): void {
    for (const link of this.#links) link.reset();
  }

  cutAfter(bytes: number, direction: Direction): void {
    this.#faults[direction].remaining = bytes;
  }

  async close(): Promise<void> {
    const closed = this.#server && once(this.#server, 'close');
    this.cut();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Starts listening. */
  listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  #accept(client: Socket): void {
    this.acceptedAt.push(performance.now());
    const { port, host = '127.0.0.1' } = this.#target;
    const server = connect({ port, host, allowHalfOpen: true, noDelay: true });
    const link = new Link(client, server, this.#faults, () => this.#cutNow());
    this.#links.add(link);
    let open = 2;
    for (const socket of [client, server]) {
      socket.once('close', () => {
        if (--open === 0) this.#links.delete(link);
      });
    }
    for (const direction of this.#holes) link.hold(direction);
  }

  #cutNow(): void {
    for (const faults of Object.values(this.#faults)) faults.remaining = Infinity;
    for (const link of this.#links) link.finish();
  }

  #set(change: Partial<Faults>): void {
    for (const faults of Object.values(this.#faults)) Object.assign(faults, change);
  }
}

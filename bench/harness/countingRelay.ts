import { connect, createServer, type Server, type Socket } from 'node:net';

/** Passes bytes between clients and a server, and counts them. */
export class CountingRelay implements AsyncDisposable {
  /** From the clients to the server, since the last {@link reset}. */
  toServer = 0;
  /** From the server to the clients. */
  toClients = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, '127.0.0.1');
      client.on('data', ({ length }) => (this.toServer += length));
      server.on('data', ({ length }) => (this.toClients += length));
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(from);
        from.setNoDelay(true);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  /** Opens one before the server on that port. */
  static async before(port: number): Promise<CountingRelay> {
    const relay = new CountingRelay(port);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The relay is closed.');
    return `127.0.0.1:${address.port}`;
  }

  /** Counts from nothing again. */
  reset(): void {
    this.toServer = this.toClients = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

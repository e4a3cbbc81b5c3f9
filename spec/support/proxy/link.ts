import type { Socket } from 'node:net';
import type { Direction, Faults } from './faults.js';
import { Pipe } from './pipe.js';

/** What becomes of connections that were in a black hole when it ends. */
export type AfterHole = 'destroy' | 'keep' | 'deliver';

/** One proxied connection: a client's socket, a socket to the server, and a pipe each way. */
export class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #pipes: Readonly<Record<Direction, Pipe>>;
  #destroyed = false;

  constructor(client: Socket, server: Socket, faults: Readonly<Record<Direction, Faults>>, onCut: () => void) {
    this.#client = client;
    this.#server = server;
    this.#pipes = {
      toServer: new Pipe(client, server, faults.toServer, onCut),
      toClient: new Pipe(server, client, faults.toClient, onCut),
    };
    this.#passOnLoss(client, server, this.#pipes.toServer);
    this.#passOnLoss(server, client, this.#pipes.toClient);
  }

  /** Whether its client is still there. */
  get open(): boolean {
    // Its end has been read even where a black hole keeps it from the server.
    return !this.#client.destroyed && !this.#client.readableEnded;
  }

  /** Swallows what goes one way from now on. */
  hold(direction: Direction): void {
    this.#pipes[direction].hold();
  }

  /** Ends the black hole for this connection, if it is in one. */
  heal(after: AfterHole): void {
    const holding = Object.values(this.#pipes).filter((pipe) => pipe.holds);
    if (holding.length === 0 || after === 'keep') return;
    if (after === 'destroy') return this.destroy();
    for (const pipe of holding) pipe.release();
    // Somebody may have gone during the hole, and the other side learns of it only now.
    if (this.#client.destroyed) this.#server.end();
    if (this.#server.destroyed) this.#client.end();
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.#end((socket) => socket.destroy());
  }

  /** Ends both sides when they have got what has been written to them. */
  finish(): void {
    this.#end((socket) => socket.destroySoon());
  }

  /** Ends both sides with a reset. */
  reset(): void {
    this.#end((socket) => socket.resetAndDestroy());
  }

  #end(how: (socket: Socket) => void): void {
    this.#destroyed = true;
    for (const pipe of Object.values(this.#pipes)) pipe.stop();
    how(this.#client);
    how(this.#server);
  }

  /** An error of one side resets the other, unless a black hole keeps the news from it. */
  #passOnLoss(from: Socket, to: Socket, pipe: Pipe): void {
    let failed = false;
    from.on('error', () => (failed = true));
    from.once('close', () => {
      if (failed && !this.#destroyed && !pipe.holds && !to.destroyed) to.resetAndDestroy();
    });
  }
}

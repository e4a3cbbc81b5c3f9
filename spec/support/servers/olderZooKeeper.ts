import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { frame, JuteFrames, JuteReader, JuteWriter } from './jute.js';

/** What a server does that is asked for a persistent watch. */
export type WhenAsked =
  /** It answers that it does not know this, and closes the connection, as ZooKeeper does before 3.6. */
  | 'refuses'
  /** It closes the connection without an answer. */
  | 'closes'
  /** It answers nothing. */
  | 'ignores'
  /** It does it. */
  | 'obeys';

/** A relay in front of a ZooKeeper server that makes an older one of it. */
export interface OlderZooKeeper extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly address: string;
  /** How many connections there have ever been. */
  readonly accepted: number;
  /** How often somebody asked for a persistent watch. */
  readonly asked: number;
  whenAsked: WhenAsked;
  /** Resets all connections. */
  dropConnections(): void;
}

const ADD_WATCH = 106;
const UNIMPLEMENTED = -6;

/** Relays a port of a server that has persistent watches. */
export async function startOlderZooKeeper(port: number, whenAsked: WhenAsked = 'refuses'): Promise<OlderZooKeeper> {
  const sockets = new Set<Socket>();
  const counts = { accepted: 0, asked: 0 };
  const relay = createServer({ noDelay: true }, (client) => {
    counts.accepted += 1;
    const server = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroySoon();
      });
    }
    server.on('data', (chunk) => client.write(chunk));
    const frames = new JuteFrames();
    let isHandshake = true;
    const take = (body: Buffer): void => {
      const request = new JuteReader(body);
      const xid = request.int();
      const isAsked = !isHandshake && request.int() === ADD_WATCH;
      isHandshake = false;
      if (isAsked) counts.asked += 1;
      if (!isAsked || handle.whenAsked === 'obeys') server.write(frame(body));
      else if (handle.whenAsked === 'refuses')
        client.end(new JuteWriter().int(xid).long(0n).int(UNIMPLEMENTED).frame());
      else if (handle.whenAsked === 'closes') client.destroy();
    };
    client.on('data', (chunk) => frames.push(chunk).forEach(take));
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const address = relay.address();
  if (address === null || typeof address === 'string') throw new Error('The relay does not listen');
  const handle: OlderZooKeeper = {
    port: address.port,
    address: `127.0.0.1:${address.port}`,
    get accepted() {
      return counts.accepted;
    },
    get asked() {
      return counts.asked;
    },
    whenAsked,
    dropConnections: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      relay.close();
      await once(relay, 'close');
    },
  };
  return handle;
}

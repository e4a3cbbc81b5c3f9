import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { frame, JuteFrames } from '../support/servers/jute.js';

export { frame } from '../support/servers/jute.js';

/** What a server's packet becomes; the first one of a connection is the answer to its handshake. */
export type Tampering = (packet: Buffer, isHandshake: boolean) => Buffer;

/** A relay that can change what a server says, packet by packet. */
export interface TamperingRelay extends AsyncDisposable {
  readonly address: string;
  /** How many connections there have ever been. */
  readonly accepted: number;
  /** Set it to tamper; `undefined` is honest. */
  tampering: Tampering | undefined;
}

/** Relays a port, from an address of one's choice. */
export async function startTamperingRelay(port: number, host = '127.0.0.1'): Promise<TamperingRelay> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const relay = createServer((client) => {
    accepted += 1;
    const server = connect(port, '127.0.0.1');
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
    client.on('data', (chunk) => server.write(chunk));
    const frames = new JuteFrames();
    let isHandshake = true;
    server.on('data', (chunk) => {
      for (const body of frames.push(chunk)) {
        const packet = frame(body);
        client.write(handle.tampering?.(packet, isHandshake) ?? packet);
        isHandshake = false;
      }
    });
  });
  relay.listen(0, host);
  await once(relay, 'listening');
  const address = relay.address();
  if (address === null || typeof address === 'string') throw new Error('The relay does not listen');
  const handle: TamperingRelay = {
    address: `${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    get accepted() {
      return accepted;
    },
    tampering: undefined,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      relay.close();
      await once(relay, 'close');
    },
  };
  return handle;
}

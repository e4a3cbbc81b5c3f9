import { createServer } from 'node:net';

const FIRST = 20_000;
const COUNT = 10_000;
const handedOut = new Set<number>();

/**
 * A TCP port of 127.0.0.1 that nobody listens on.
 *
 * It lies below the range from which the kernel numbers outgoing connections. There, a client that keeps trying to
 * reach a stopped server would now and then be given the server's own port, connect to itself and keep the port taken.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error(`No free port between ${FIRST} and ${FIRST + COUNT}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startFaultProxy } from '../support/proxy/faultProxy.js';
import type { StartRegistryServer } from '../support/scenario/registryServer.js';
import { eventually } from '../support/servers/eventually.js';

/** How a herd is kept. */
export interface HerdOptions {
  readonly clients: number;
  readonly processes: number;
  readonly outageMs: number;
  readonly sessionMs: number;
}

/** What became of clients whose server was away; all times are of one clock. */
export interface Herd {
  /** When connections were tried. */
  readonly attempts: readonly number[];
  readonly goneAt: number;
  readonly backAt: number;
  readonly allBackAt: number;
}

const PROGRAM = fileURLToPath(new URL('herdProcess.ts', import.meta.url));

/**
 * Has so many clients, each in session and following a service, lose a real server together, and waits until all are back.
 *
 * They come through a proxy that stays: it takes each connection, and closes those that it cannot pass on.
 */
export async function herdOnServer(start: StartRegistryServer, options: HerdOptions): Promise<Herd> {
  const { clients, processes, outageMs, sessionMs } = options;
  await using server = await start();
  await using proxy = await startFaultProxy({ port: server.port });
  const address = `${server.scheme}://${proxy.address}?session=${sessionMs}`;
  const connected = new Map<object, number>();
  const children = Array.from({ length: processes }, (_, index) => {
    const share = Math.floor((clients + index) / processes);
    const child = fork(PROGRAM, [address, String(share)], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', (count) => connected.set(child, Number(count)));
    return child;
  });
  const inSession = (): number => [...connected.values()].reduce((sum, count) => sum + count, 0);
  const allConnected = (): Promise<void> =>
    eventually(
      () => {
        if (inSession() !== clients) throw new Error(`${inSession()} of ${clients} are in session`);
      },
      { what: 'all in session', withinMs: 120_000 },
    );
  try {
    await allConnected();
    // Whatever they still had to do.
    await sleep(1_000);
    const goneAt = performance.now();
    await server.kill();
    await sleep(outageMs);
    await server.start();
    const backAt = performance.now();
    await allConnected();
    return { attempts: proxy.acceptedAt.filter((at) => at >= goneAt), goneAt, backAt, allBackAt: performance.now() };
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

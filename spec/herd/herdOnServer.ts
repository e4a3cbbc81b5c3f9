import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StartRegistryServer } from '../support/scenario/registryServer.js';
import { eventually } from '../support/servers/eventually.js';
import type { Said } from './herdProcess.js';

/** How a herd is kept. */
export interface HerdOptions {
  readonly clients: number;
  readonly processes: number;
  readonly outageMs: number;
  readonly sessionMs: number;
}

/** What became of clients whose server was away; all times are of one clock, by which each client says when it tried. */
export interface Herd {
  /** When connections were tried. */
  readonly attempts: readonly number[];
  readonly goneAt: number;
  readonly backAt: number;
  readonly allBackAt: number;
}

const PROGRAM = fileURLToPath(new URL('herdProcess.ts', import.meta.url));

/** Has so many clients, each in session and following a service, lose a real server together, and waits until all are back. */
export async function herdOnServer(start: StartRegistryServer, options: HerdOptions): Promise<Herd> {
  const { clients, processes, outageMs, sessionMs } = options;
  await using server = await start();
  const address = `${server.scheme}://${server.address}?session=${sessionMs}`;
  const connected = new Map<object, number>();
  const attempts: number[] = [];
  const now = (): number => performance.timeOrigin + performance.now();
  const children = Array.from({ length: processes }, (_, index) => {
    const share = Math.floor((clients + index) / processes);
    const child = fork(PROGRAM, [address, String(share)], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', (said: Said) => {
      connected.set(child, said.connected);
      attempts.push(...said.attempts);
    });
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
    const goneAt = now();
    await server.kill();
    await sleep(outageMs);
    await server.start();
    const backAt = now();
    await allConnected();
    return { attempts: attempts.filter((at) => at >= goneAt), goneAt, backAt, allBackAt: now() };
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

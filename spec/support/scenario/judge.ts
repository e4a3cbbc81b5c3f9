import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../../../lib/index.js';
import type { RegistryServer } from './registryServer.js';

/** Who owns a node, when it was made and when written: the same three mean that it was never touched. */
export async function identityOf(server: RegistryServer, path: string): Promise<string | undefined> {
  const node = await server.node(path);
  return node && `${node.owner ?? 'nobody'} in ${node.made}/${node.written}`;
}

/** Whether a node is there and belongs to a session. */
export async function belongsTo(server: RegistryServer, path: string, session: Session): Promise<boolean> {
  const owner = (await server.node(path))?.owner;
  return owner !== undefined && server.ownersOf(session).includes(owner);
}

/** Whether the server knows a session. */
export async function knowsSession(server: RegistryServer, id: string): Promise<boolean> {
  return (await server.sessions()).includes(id);
}

/** Holds if a check holds all the time: for what must *not* happen. */
export async function throughout(ms: number, check: () => void | Promise<void>): Promise<void> {
  const end = performance.now() + ms;
  do {
    await check();
    await sleep(50);
  } while (performance.now() < end);
}

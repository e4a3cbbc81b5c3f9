import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../../../lib/index.js';
import { connectRawZooKeeper, type RawStat, type RawZooKeeper } from '../servers/rawZooKeeper.js';
import type { ZooKeeperServer } from '../servers/zookeeperServer.js';

/** A node as the server holds it. */
export interface JudgedNode {
  readonly name: string;
  readonly stat: RawStat;
}

/** Asks the server something with a client that shares no code with what is judged. */
export async function judge<T>(server: ZooKeeperServer, ask: (raw: RawZooKeeper) => Promise<T>): Promise<T> {
  await using raw = await connectRawZooKeeper(server.port);
  return await ask(raw);
}

/** The children of a directory as the server holds them, sorted by name; none if there is no such directory. */
export function nodesIn(server: ZooKeeperServer, directory: string): Promise<JudgedNode[]> {
  return judge(server, async (raw) => {
    const names = (await raw.stat(directory)) ? await raw.children(directory) : [];
    const stats = await Promise.all(names.map((name) => raw.stat(`${directory}/${name}`)));
    return names.flatMap((name, index) => (stats[index] ? [{ name, stat: stats[index] }] : []));
  });
}

/** Who made a node and when: the same two values mean that it was never made anew. */
export async function identityOf(server: ZooKeeperServer, path: string): Promise<string | undefined> {
  const stat = await judge(server, (raw) => raw.stat(path));
  return stat ? `${stat.ephemeralOwner} in ${stat.czxid}` : undefined;
}

/** Whether the server knows a session. */
export async function knowsSession(server: ZooKeeperServer, id: string): Promise<boolean> {
  const [sessions = ''] = (await server.command('dump')).split('Connections dump:');
  return sessions.split(/[\s:]+/).includes(id);
}

/** One number of the server's `mntr` report. */
export async function measure(server: ZooKeeperServer, name: string): Promise<number> {
  const line = (await server.command('mntr')).split('\n').find((each) => each.startsWith(`${name}\t`));
  if (!line) throw new Error(`mntr does not tell ${name}`);
  return Number(line.split('\t')[1]);
}

/** Holds if a check holds all the time: for what must *not* happen. */
export async function throughout(ms: number, check: () => void | Promise<void>): Promise<void> {
  const end = performance.now() + ms;
  do {
    await check();
    await sleep(50);
  } while (performance.now() < end);
}

/** Ends a client's session at the server, behind its back. */
export async function expireSessionOf(server: ZooKeeperServer, session: Session): Promise<void> {
  await server.expire(session.id, passwordOf(session));
}

/** The password stands in no interface: nobody but a spec has a use for it. */
function passwordOf(session: Session): Buffer {
  const { credentials } = session as Session & { credentials?: { password?: unknown } };
  if (!Buffer.isBuffer(credentials?.password)) throw new Error(`session ${session.id} does not tell its password`);
  return credentials.password;
}

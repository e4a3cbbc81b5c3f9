import { CertificateAuthority } from './certificateAuthority.js';
import { type EtcdOptions, etcdNode, type EtcdServer } from './etcdNode.js';
import { freePort } from './freePort.js';
import { clusterOf, type ServerCluster } from './serverCluster.js';
import { startNodes } from './startNodes.js';

/** Real etcd servers that elect a leader among them. */
export type EtcdCluster = ServerCluster<EtcdServer>;

/** How long one server may take to answer before it passes for one that does not. */
const QUESTION_MS = 1_000;

/** Fast, but not so fast that a busy machine makes them elect all the time. */
const STEADY = { 'heartbeat-interval': 50, 'election-timeout': 500 };

/** Starts servers on free ports; resolves when all of them serve. A wiped one is not taken in again by the others. */
export async function startEtcdCluster(size = 3, options: EtcdOptions = {}): Promise<EtcdCluster> {
  const nodes = await startNodes(() => prepareNodes(size, { ...options, flags: { ...STEADY, ...options.flags } }));
  if (options.rootPassword !== undefined) await nodes[0]!.users.enable(options.rootPassword);
  return clusterOf<EtcdServer>(nodes, {
    roleOf: ({ raw }) => raw.role(QUESTION_MS),
    // A read is linearizable unless one asks for less: it waits until a majority agrees who leads.
    needMajority: ({ raw }) => raw.call('kv/range', { key: 'AA==', count_only: true }, QUESTION_MS),
  });
}

async function prepareNodes(size: number, options: EtcdOptions) {
  const members: { name: string; peer: string }[] = [];
  for (let number = 1; number <= size; number++) {
    members.push({ name: `node${number}`, peer: `http://127.0.0.1:${await freePort()}` });
  }
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(',');
  const authority = new CertificateAuthority();
  return Promise.all(
    members.map(async (member) => etcdNode(await freePort(), options, { ...member, cluster }, authority)),
  );
}

import { CertificateAuthority } from './certificateAuthority.js';
import { type EtcdOptions, etcdNode, type EtcdServer } from './etcdNode.js';
import { freePort } from './freePort.js';
import { startNodes } from './startNodes.js';

export type { ClientTls, EtcdOptions, EtcdServer } from './etcdNode.js';

/** So fast that it is ready within moments, also after a restart, and takes sessions of one second. */
const FAST = { 'heartbeat-interval': 10, 'election-timeout': 100 };

/** Starts an etcd server of its own, with no keys, on a free port; resolves when it serves. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdServer> {
  const [server] = await startNodes(async () => {
    const peer = `http://127.0.0.1:${await freePort()}`;
    const complete = { ...options, flags: { ...FAST, ...options.flags } };
    const member = { name: 'alone', peer, cluster: `alone=${peer}` };
    return [await etcdNode(await freePort(), complete, member, new CertificateAuthority())];
  });
  if (options.rootPassword !== undefined) await server!.users.enable(options.rootPassword);
  return server!;
}

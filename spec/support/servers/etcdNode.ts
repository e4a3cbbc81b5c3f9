import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificateAuthority } from './certificateAuthority.js';
import { type Certificate } from './certificateAuthority.js';
import { etcdProgram } from './etcdProgram.js';
import { EtcdUsers } from './etcdUsers.js';
import { RawEtcd, RawEtcdError } from './rawEtcd.js';
import type { RealServer } from './realServer.js';
import { ServerNode } from './serverNode.js';
import { ServerProcess } from './serverProcess.js';

/** A real etcd server. */
export interface EtcdServer extends RealServer {
  /** What the system knows its process by while it runs. */
  readonly pid: number | undefined;
  /** Asks it as one who may do everything. */
  readonly raw: RawEtcd;
  /** Those whom it knows. */
  readonly users: EtcdUsers;
  /** What a client needs to be trusted and to trust it, if it talks TLS. */
  readonly tls: ClientTls | undefined;
}

/** The authority that issued a server's certificate, and a certificate of the client's own. */
export interface ClientTls extends Certificate {
  readonly ca: string;
}

/** What can be chosen about an {@link EtcdServer}. */
export interface EtcdOptions {
  /** Has it ask everybody who they are from the start; `raw` is root then. */
  readonly rootPassword?: string;
  /** Has it talk TLS, and with `mutual` only to those whom the same authority has certified. */
  readonly tls?: 'server' | 'mutual';
  /** More flags of its command line: `auto-compaction-retention`. */
  readonly flags?: Readonly<Record<string, string | number | boolean>>;
}

/** A member of a cluster: its own name and peer address, and those of all. */
export interface EtcdMember {
  readonly name: string;
  readonly peer: string;
  readonly cluster: string;
}

/** Prepares a server without starting it; the authority certifies it if it talks TLS. */
export async function etcdNode(
  port: number,
  options: EtcdOptions,
  member: EtcdMember,
  authority: CertificateAuthority,
): Promise<EtcdNode> {
  const program = etcdProgram();
  const folder = await mkdtemp(join(tmpdir(), 'rx-registry-etcd-'));
  const tls = options.tls && (await writeCertificates(folder, authority));
  const address = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const flags = {
    name: member.name,
    'data-dir': join(folder, 'data'),
    'listen-client-urls': address,
    'advertise-client-urls': address,
    'listen-peer-urls': member.peer,
    'initial-advertise-peer-urls': member.peer,
    'initial-cluster': member.cluster,
    'log-level': 'warn',
    logger: 'zap',
    // Cheap passwords: they are hashed with every login.
    'bcrypt-cost': 4,
    ...(options.tls && { 'cert-file': join(folder, 'server.crt'), 'key-file': join(folder, 'server.key') }),
    ...(options.tls === 'mutual' && { 'client-cert-auth': true, 'trusted-ca-file': join(folder, 'ca.crt') }),
    ...options.flags,
  };
  const command: [string, ...string[]] = [
    program,
    ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
  ];
  const node = new EtcdNode(port, folder, new ServerProcess(command, folder), options, tls);
  await node.makeDataFolder();
  return node;
}

async function writeCertificates(folder: string, authority: CertificateAuthority): Promise<ClientTls> {
  const { cert, key } = authority.issue('server');
  await writeFile(join(folder, 'ca.crt'), authority.cert);
  await writeFile(join(folder, 'server.crt'), cert);
  await writeFile(join(folder, 'server.key'), key, { mode: 0o600 });
  return { ca: authority.cert, ...authority.issue('client') };
}

/** One server process with its folder. */
export class EtcdNode extends ServerNode implements EtcdServer {
  readonly raw: RawEtcd;
  readonly users: EtcdUsers;
  readonly tls: ClientTls | undefined;
  protected readonly kind = 'etcd';

  constructor(port: number, folder: string, process: ServerProcess, options: EtcdOptions, tls: ClientTls | undefined) {
    super(port, folder, process);
    const { rootPassword: password } = options;
    this.raw = new RawEtcd({ port, ...(tls && { tls }), ...(password && { user: { name: 'root', password } }) });
    this.users = new EtcdUsers(this.raw);
    this.tls = tls;
  }

  get portTaken(): boolean {
    return this.logTail.includes('address already in use');
  }

  /** It listens about a second before it serves, and what it reads needs a leader. */
  protected async serves(): Promise<boolean> {
    try {
      await this.raw.call('kv/range', { key: 'AA==', count_only: true }, 500);
      return true;
    } catch (error) {
      // Who is asked who they are has been heard.
      return error instanceof RawEtcdError && /user name is empty|invalid auth token/.test(error.message);
    }
  }
}

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Certificate, CertificateAuthority } from './certificateAuthority.js';
import { expireSession } from './expireSession.js';
import { fourLetterWord } from './fourLetterWord.js';
import { freePort } from './freePort.js';
import { javaRuntime } from './javaRuntime.js';
import { nettyClassPath } from './nettyLibrary.js';
import type { RealServer } from './realServer.js';
import { ServerNode } from './serverNode.js';
import { ServerProcess } from './serverProcess.js';
import { zookeeperDistribution } from './zookeeperDistribution.js';

/** A real ZooKeeper server. */
export interface ZooKeeperServer extends RealServer {
  /** What the system knows its process by while it runs. */
  readonly pid: number | undefined;
  /** Where its data is: the logs of its transactions among them. */
  readonly dataFolder: string;
  /** Where it talks TLS, and what a client needs to be trusted and to trust it. */
  readonly secure: (Certificate & { readonly port: number; readonly address: string; readonly ca: string }) | undefined;
  /** Ends somebody's session; resolves when the server has forgotten it. */
  expire(sessionId: string | Buffer, password: Buffer): Promise<void>;
  /** Sends a four-letter word – `srvr`, `cons`, `wchs`, `mntr`, `dump` … – and returns the answer. */
  command(word: string, timeoutMs?: number): Promise<string>;
}

/** What can be chosen about a {@link ZooKeeperServer}. */
export interface ZooKeeperOptions {
  /** The server holds session timeouts between 2 and 20 of these; 500 if absent. */
  readonly tickTimeMs?: number;
  /** Whether writes wait for the disk. Without it, which is the default, a killed server still keeps its data. */
  readonly forceSync?: boolean;
  /** Has it talk TLS on a port of its own, and with `mutual` only to those whom its authority has certified. */
  readonly tls?: 'server' | 'mutual';
  /** How much memory its heap may grow to; 256 if absent. */
  readonly heapMb?: number;
  /** More lines of `zoo.cfg`. */
  readonly config?: Readonly<Record<string, string | number>>;
  /** Java system properties, such as `jute.maxbuffer`. */
  readonly systemProperties?: Readonly<Record<string, string | number>>;
}

/** Prepares a server without starting it; `myId` is its number in an ensemble. */
export async function zookeeperNode(port: number, options: ZooKeeperOptions, myId?: number): Promise<ZooKeeperNode> {
  const [java, { classPath, hasNetty }] = [javaRuntime(), zookeeperDistribution()];
  const folder = await mkdtemp(join(tmpdir(), 'rx-registry-zookeeper-'));
  const properties = { 'zookeeper.forceSync': options.forceSync ? 'yes' : 'no', ...options.systemProperties };
  const secure = options.tls && (await writeSecureConfig(folder, options.tls));
  const config = { ...standardConfig(folder, port, options), ...secure?.config, ...options.config };
  await writeFile(join(folder, 'zoo.cfg'), lines(config));
  const command: [string, ...string[]] = [
    java,
    ...[`-Xmx${options.heapMb ?? 256}m`, '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
    ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
    ...['-cp', secure && !hasNetty ? [classPath, nettyClassPath()].join(delimiter) : classPath],
    ...['org.apache.zookeeper.server.quorum.QuorumPeerMain', 'zoo.cfg'],
  ];
  const node = new ZooKeeperNode(port, folder, new ServerProcess(command, folder), myId, secure?.client);
  await node.makeDataFolder();
  return node;
}

/** One server process with its folder. */
export class ZooKeeperNode extends ServerNode implements ZooKeeperServer {
  protected readonly kind = 'ZooKeeper';
  readonly secure: ZooKeeperServer['secure'];
  readonly #myId: number | undefined;

  constructor(port: number, folder: string, process: ServerProcess, myId?: number, secure?: ZooKeeperServer['secure']) {
    super(port, folder, process);
    this.secure = secure;
    this.#myId = myId;
  }

  get portTaken(): boolean {
    return this.logTail.includes('java.net.BindException');
  }

  override async makeDataFolder(): Promise<string> {
    const data = await super.makeDataFolder();
    if (this.#myId !== undefined) await writeFile(join(data, 'myid'), `${this.#myId}\n`);
    return data;
  }

  async expire(sessionId: string | Buffer, password: Buffer): Promise<void> {
    await expireSession(this.port, sessionId, password);
  }

  async command(word: string, timeoutMs = 5_000): Promise<string> {
    return fourLetterWord(this.port, word, timeoutMs);
  }

  /** A connection accepted during the start can stay unanswered for ever. */
  protected async serves(): Promise<boolean> {
    return (await this.command('srvr', 500)).includes('Mode: ');
  }
}

/** Writes the certificates of a server that talks TLS, and tells how to configure it and what a client needs. */
async function writeSecureConfig(folder: string, tls: 'server' | 'mutual') {
  const authority = new CertificateAuthority();
  const { cert, key } = authority.issue('server');
  const [keys, trusted] = [join(folder, 'server.pem'), join(folder, 'ca.pem')];
  await writeFile(keys, `${key}${cert}`, { mode: 0o600 });
  await writeFile(trusted, authority.cert);
  const port = await freePort();
  const config = {
    secureClientPort: port,
    secureClientPortAddress: '127.0.0.1',
    serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
    'ssl.keyStore.location': keys,
    'ssl.keyStore.type': 'PEM',
    'ssl.trustStore.location': trusted,
    'ssl.trustStore.type': 'PEM',
    'ssl.clientAuth': tls === 'mutual' ? 'need' : 'none',
  };
  const client = { port, address: `127.0.0.1:${port}`, ca: authority.cert, ...authority.issue('client') };
  return { config, client };
}

function standardConfig(folder: string, port: number, { tickTimeMs = 500 }: ZooKeeperOptions) {
  return {
    tickTime: tickTimeMs,
    dataDir: join(folder, 'data'),
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    maxClientCnxns: 0,
    'admin.enableServer': false,
    '4lw.commands.whitelist': '*',
  };
}

function lines(config: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(config)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

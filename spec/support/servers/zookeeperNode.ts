import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expireSession } from './expireSession.js';
import { fourLetterWord } from './fourLetterWord.js';
import { javaRuntime } from './javaRuntime.js';
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
  /** How much memory its heap may grow to; 256 if absent. */
  readonly heapMb?: number;
  /** More lines of `zoo.cfg`. */
  readonly config?: Readonly<Record<string, string | number>>;
  /** Java system properties, such as `jute.maxbuffer`. */
  readonly systemProperties?: Readonly<Record<string, string | number>>;
}

/** Prepares a server without starting it; `myId` is its number in an ensemble. */
export async function zookeeperNode(port: number, options: ZooKeeperOptions, myId?: number): Promise<ZooKeeperNode> {
  const [java, { classPath }] = [javaRuntime(), zookeeperDistribution()];
  const folder = await mkdtemp(join(tmpdir(), 'rx-registry-zookeeper-'));
  const properties = { 'zookeeper.forceSync': options.forceSync ? 'yes' : 'no', ...options.systemProperties };
  await writeFile(join(folder, 'zoo.cfg'), lines({ ...standardConfig(folder, port, options), ...options.config }));
  const command: [string, ...string[]] = [
    java,
    ...[`-Xmx${options.heapMb ?? 256}m`, '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
    ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
    ...['-cp', classPath, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', 'zoo.cfg'],
  ];
  const node = new ZooKeeperNode(port, folder, new ServerProcess(command, folder), myId);
  await node.makeDataFolder();
  return node;
}

/** One server process with its folder. */
export class ZooKeeperNode extends ServerNode implements ZooKeeperServer {
  protected readonly kind = 'ZooKeeper';
  readonly #myId: number | undefined;

  constructor(port: number, folder: string, process: ServerProcess, myId?: number) {
    super(port, folder, process);
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

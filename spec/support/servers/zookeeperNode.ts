import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expireSession } from './expireSession.js';
import { fourLetterWord } from './fourLetterWord.js';
import { javaRuntime } from './javaRuntime.js';
import { onProcessEnd } from './onProcessEnd.js';
import { ServerProcess } from './serverProcess.js';
import { zookeeperDistribution } from './zookeeperDistribution.js';

/** A real ZooKeeper server on 127.0.0.1, for specs that do to it what happens to servers. */
export interface ZooKeeperServer extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Starts it – again – with the data and the port it had; resolves when it serves. */
  start(): Promise<void>;
  /** Ends it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
  /** Kills it and starts it again. */
  restart(): Promise<void>;
  /** Kills it, deletes its data and starts it again. */
  wipe(): Promise<void>;
  /** Stops it with its connections open: the kernel still accepts, nobody answers. */
  freeze(): void;
  /** Lets a frozen server go on. */
  thaw(): void;
  /** Ends somebody's session; resolves when the server has forgotten it. */
  expire(sessionId: string | Buffer, password: Buffer): Promise<void>;
  /** Sends a four-letter word – `srvr`, `cons`, `wchs`, `mntr`, `dump` … – and returns the answer. */
  command(word: string, timeoutMs?: number): Promise<string>;
  /** Kills it and removes its folder. */
  close(): Promise<void>;
}

/** What can be chosen about a {@link ZooKeeperServer}. */
export interface ZooKeeperOptions {
  /** The server holds session timeouts between 2 and 20 of these; 500 if absent. */
  readonly tickTimeMs?: number;
  /** Whether writes wait for the disk. Without it, which is the default, a killed server still keeps its data. */
  readonly forceSync?: boolean;
  /** More lines of `zoo.cfg`. */
  readonly config?: Readonly<Record<string, string | number>>;
  /** Java system properties, such as `jute.maxbuffer`. */
  readonly systemProperties?: Readonly<Record<string, string | number>>;
}

/** How long a server may take from its start until it serves. */
export const START_DEADLINE_MS = 20_000;

/** Prepares a server without starting it; `myId` is its number in an ensemble. */
export async function zookeeperNode(port: number, options: ZooKeeperOptions, myId?: number): Promise<ZooKeeperNode> {
  const [java, { classPath }] = await Promise.all([javaRuntime(), zookeeperDistribution()]);
  const folder = await mkdtemp(join(tmpdir(), 'rx-registry-zookeeper-'));
  const properties = { 'zookeeper.forceSync': options.forceSync ? 'yes' : 'no', ...options.systemProperties };
  await writeFile(join(folder, 'zoo.cfg'), lines({ ...standardConfig(folder, port, options), ...options.config }));
  const command: [string, ...string[]] = [
    java,
    ...['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
    ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
    ...['-cp', classPath, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', 'zoo.cfg'],
  ];
  const node = new ZooKeeperNode(port, folder, new ServerProcess(command, folder), myId);
  await node.makeDataFolder();
  return node;
}

/** One server process with its folder. */
export class ZooKeeperNode implements ZooKeeperServer {
  readonly port: number;
  readonly address: string;
  readonly #folder: string;
  readonly #process: ServerProcess;
  readonly #myId: number | undefined;
  readonly #forgetFolder: () => void;

  constructor(port: number, folder: string, process: ServerProcess, myId?: number) {
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.#folder = folder;
    this.#process = process;
    this.#myId = myId;
    this.#forgetFolder = onProcessEnd(() => rmSync(folder, { recursive: true, force: true }));
  }

  /** The last lines of its log. */
  get logTail(): string {
    return this.#process.logTail();
  }

  async start(): Promise<void> {
    if (!existsSync(this.#folder)) throw new Error(`The ZooKeeper server ${this.address} is closed`);
    this.#process.start();
    const deadline = performance.now() + START_DEADLINE_MS;
    while (!(await this.#serves())) {
      if (!this.#process.running) throw this.#startError('ended while it started');
      if (performance.now() > deadline) throw this.#startError(`does not serve after ${START_DEADLINE_MS} ms`);
      await sleep(20);
    }
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async wipe(): Promise<void> {
    await this.kill();
    await rm(join(this.#folder, 'data'), { recursive: true });
    await this.makeDataFolder();
    await this.start();
  }

  /** Makes an empty data folder. */
  async makeDataFolder(): Promise<void> {
    const data = join(this.#folder, 'data');
    await mkdir(data);
    if (this.#myId !== undefined) await writeFile(join(data, 'myid'), `${this.#myId}\n`);
  }

  freeze(): void {
    this.#process.freeze();
  }

  thaw(): void {
    this.#process.thaw();
  }

  async expire(sessionId: string | Buffer, password: Buffer): Promise<void> {
    await expireSession(this.port, sessionId, password);
  }

  async command(word: string, timeoutMs = 1000): Promise<string> {
    return fourLetterWord(this.port, word, timeoutMs);
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
    this.#forgetFolder();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** An open port proves nothing, and a connection accepted during the start can stay unanswered for ever. */
  async #serves(): Promise<boolean> {
    const answer = await this.command('srvr', 500).catch(() => '');
    return this.#process.running && answer.includes('Mode: ');
  }

  #startError(problem: string): Error {
    return new Error(`The ZooKeeper server ${this.address} ${problem}. The end of its log:\n${this.logTail}`);
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

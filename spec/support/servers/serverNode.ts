import { existsSync, rmSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onProcessEnd } from './onProcessEnd.js';
import type { RealServer } from './realServer.js';
import type { ServerProcess } from './serverProcess.js';

/** How long a server may take from its start until it serves. */
export const START_DEADLINE_MS = 20_000;

/** What every {@link RealServer} is made of: a program, a port, and a folder with its data. */
export abstract class ServerNode implements RealServer {
  readonly port: number;
  readonly address: string;
  /** What it is, for messages. */
  protected abstract readonly kind: string;
  readonly #folder: string;
  readonly #process: ServerProcess;
  readonly #forgetFolder: () => void;

  /** @param folder - holds its data in `data`, and goes with it */
  constructor(port: number, folder: string, process: ServerProcess) {
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.#folder = folder;
    this.#process = process;
    this.#forgetFolder = onProcessEnd(() => rmSync(folder, { recursive: true, force: true }));
  }

  /** Where its data is. */
  get dataFolder(): string {
    return join(this.#folder, 'data');
  }

  get #copyFolder(): string {
    return join(this.#folder, 'copy');
  }

  /** Whether it ended because somebody else has its port. */
  abstract get portTaken(): boolean;

  /** Whether it answers a real question now: an open port proves nothing. */
  protected abstract serves(): Promise<boolean>;

  /** What the system knows its process by while it runs. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The last lines of its log. */
  get logTail(): string {
    return this.#process.logTail();
  }

  async start(): Promise<void> {
    if (!existsSync(this.#folder)) throw new Error(`The ${this.kind} server ${this.address} is closed`);
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
    await rm(this.dataFolder, { recursive: true });
    await this.makeDataFolder();
    await this.start();
  }

  async backup(): Promise<void> {
    await this.kill();
    await rm(this.#copyFolder, { recursive: true, force: true });
    await cp(this.dataFolder, this.#copyFolder, { recursive: true });
    await this.start();
  }

  async restore(): Promise<void> {
    await this.kill();
    await rm(this.dataFolder, { recursive: true });
    await cp(this.#copyFolder, this.dataFolder, { recursive: true });
    await this.start();
  }

  /** Makes an empty data folder. */
  async makeDataFolder(): Promise<string> {
    await mkdir(this.dataFolder, { mode: 0o700 });
    return this.dataFolder;
  }

  freeze(): void {
    this.#process.freeze();
  }

  thaw(): void {
    this.#process.thaw();
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
    this.#forgetFolder();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** It may end while it is asked, and another one may have its port. */
  async #serves(): Promise<boolean> {
    const serves = await this.serves().catch(() => false);
    return this.#process.running && serves;
  }

  #startError(problem: string): Error {
    return new Error(`The ${this.kind} server ${this.address} ${problem}. The end of its log:\n${this.logTail}`);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable } from './findExecutable.js';
import { onProcessEnd } from './onProcessEnd.js';

/** A server program that can be started, killed and frozen again and again, and never outlives this process. */
export class ServerProcess {
  readonly #command: readonly string[];
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #failure: Error | undefined;

  /** @param folder - the working folder of the program; its output is appended to `server.log` there */
  constructor(command: readonly [string, ...string[]], folder: string) {
    this.#command = [...dieWithParent(), ...command];
    this.#folder = folder;
  }

  /** Whether the program runs; a frozen one does. */
  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What the system knows it by while it runs. */
  get pid(): number | undefined {
    return this.running ? this.#child?.pid : undefined;
  }

  /** Starts the program, unless it runs. */
  start(): void {
    if (this.running) return;
    const log = openSync(this.#logFile, 'a');
    const [file = '', ...args] = this.#command;
    const child = spawn(file, args, { cwd: this.#folder, stdio: ['ignore', log, log] });
    closeSync(log);
    const forget = onProcessEnd(() => child.kill('SIGKILL'));
    child.once('exit', forget);
    this.#failure = undefined;
    child.once('error', (error) => {
      forget();
      this.#failure = error;
      this.#child = undefined;
    });
    this.#child = child;
  }

  /** Ends the program at once, frozen or not, and waits until it is gone. */
  async kill(): Promise<void> {
    if (!this.running || !this.#child) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  /** Stops the program without closing its connections. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** Lets a frozen program go on. */
  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** The last lines that the program has written. */
  logTail(lines = 30): string {
    const log = existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8') : '';
    return [...(this.#failure ? [String(this.#failure)] : []), ...log.trimEnd().split('\n').slice(-lines)].join('\n');
  }

  get #logFile(): string {
    return join(this.#folder, 'server.log');
  }
}

/** Covers what no handler in this process can: its own SIGKILL. */
function dieWithParent(): string[] {
  const setpriv = process.platform === 'linux' && findExecutable('setpriv');
  return setpriv ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];
}

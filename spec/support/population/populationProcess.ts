import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onProcessEnd } from '../servers/onProcessEnd.js';
import type { Actor, Command, Message, Names, Observation, Order, SessionHandle } from './actors.js';

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url));

/** One process of a population, as its parent sees it. */
export class PopulationProcess {
  readonly name: string;
  readonly actors: readonly Actor[];
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (result?: readonly SessionHandle[]) => void; reject: (error: Error) => void }
  >();
  readonly #forget: () => void;
  #orders = 0;

  constructor(name: string, actors: readonly Actor[], onObservation: (observation: Observation) => void) {
    this.name = name;
    this.actors = actors;
    const child = fork(PROGRAM, [name], { execArgv: ['--import', 'tsx'], serialization: 'json' });
    this.#child = child;
    this.#forget = onProcessEnd(() => child.kill('SIGKILL'));
    child.on('message', (message: Message) => {
      if (message.type === 'observed') return message.observations.forEach(onObservation);
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.type === 'done') waiting?.resolve(message.result);
      else waiting?.reject(new Error(`${name}: ${message.cause}`));
    });
    child.once('exit', (code, signal) => {
      this.#forget();
      for (const { reject } of this.#waiting.values()) reject(new Error(`${name} ended with ${code ?? signal}`));
      this.#waiting.clear();
    });
  }

  enter(address: string, names: Names = {}): Promise<unknown> {
    return this.order({ do: 'enter', address, actors: this.actors, names });
  }

  order(command: Command): Promise<readonly SessionHandle[] | undefined> {
    const id = ++this.#orders;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const order: Order = { id, command };
      this.#child.send(order, (error) => error && reject(error));
    });
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends it at once; what it has said and nobody has heard is lost. */
  async kill(): Promise<void> {
    this.#child.removeAllListeners('message');
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  /** Has everybody in it close and the process end by itself; returns whether it did, in time. */
  async leave(withinMs: number): Promise<boolean> {
    const exit = once(this.#child, 'exit').then(() => true);
    void this.order({ do: 'leave' }).catch(() => undefined);
    const left = await Promise.race([
      exit,
      new Promise<false>((resolve) => setTimeout(() => resolve(false), withinMs).unref()),
    ]);
    if (!left) await this.kill();
    return left;
  }
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ClientName } from '../clients/index.js';
import type { Answer, Call, WorkerMethods } from './workerMain.js';

const MAIN = fileURLToPath(new URL('./workerMain.ts', import.meta.url));

/** A client in a process of its own, so that the CPU it uses is its own alone. */
export class Worker {
  readonly name: ClientName;
  readonly #process: ChildProcess;
  readonly #open = new Map<number, OpenCall>();
  #calls = 0;

  constructor(name: ClientName) {
    this.name = name;
    this.#process = fork(MAIN, [name], {
      execArgv: ['--import', 'tsx', '--expose-gc'],
      serialization: 'advanced',
      // Some print what they do, and it is no part of what is measured.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    });
    this.#process.on('message', (answer: Answer) => {
      const call = this.#open.get(answer.id);
      this.#open.delete(answer.id);
      if ('error' in answer) call?.reject(new Error(answer.error));
      else call?.resolve(answer.value);
    });
    this.#process.once('exit', (code, signal) => {
      for (const { reject } of this.#open.values()) reject(new Error(`${name} ended: ${signal ?? code}.`));
      this.#open.clear();
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  call<M extends keyof WorkerMethods>(
    method: M,
    ...args: Parameters<WorkerMethods[M]>
  ): Promise<Awaited<ReturnType<WorkerMethods[M]>>> {
    return new Promise((resolve, reject) => {
      const id = (this.#calls += 1);
      this.#open.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#process.send({ id, method, args } satisfies Call);
    });
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
  }
}

interface OpenCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

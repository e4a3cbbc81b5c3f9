import { format } from 'node:util';
import createDebug from 'debug';

/** Everything that this package logs for debugging, from now on until it is disposed of. */
export class DebugLines implements Disposable {
  readonly lines: string[] = [];
  readonly #log = createDebug.log;
  readonly #enabled = createDebug.disable();

  constructor() {
    createDebug.log = (...values: unknown[]) => void this.lines.push(format(...values));
    createDebug.enable('rx-registry:*');
  }

  /** All of it as one text. */
  get text(): string {
    return this.lines.join('\n');
  }

  [Symbol.dispose](): void {
    createDebug.log = this.#log;
    createDebug.enable(this.#enabled);
  }
}

import { format } from 'node:util';
import createDebug from 'debug';

/** What no text from a registry may bring into a log: controls, line ends of any kind, and what turns text around. */
const UNFIT_TO_PRINT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** The longest line that a name may make. */
const LONGEST_LINE = 2_000;

/** Everything that this package prints for debugging, and whatever else would be printed, until it is disposed of. */
export class Printed implements Disposable {
  readonly lines: string[] = [];
  readonly #log = createDebug.log;
  readonly #enabled = createDebug.disable();

  constructor() {
    createDebug.log = (...values: unknown[]) => {
      // Its own colours and line ends are not the registry's.
      this.lines.push(values.length > 1 ? format(...values) : String(values[0]));
    };
    createDebug.enable('rx-registry:*');
  }

  /** Takes what a program would print of an error: its message, and the messages of its causes. */
  error(error: unknown): void {
    for (let each = error; each instanceof Error; each = each.cause) this.lines.push(each.message);
  }

  /** The lines that somebody else has written a part of. */
  get forged(): string[] {
    return this.lines.filter((line) => UNFIT_TO_PRINT.test(line) || line.length > LONGEST_LINE);
  }

  [Symbol.dispose](): void {
    createDebug.log = this.#log;
    createDebug.enable(this.#enabled);
  }
}

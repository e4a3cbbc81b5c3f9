import { Subject } from 'rxjs';
import { runCommand } from '../../../lib/cli/program.js';
import type { Terminal } from '../../../lib/cli/terminal.js';

/** A terminal that writes down what is written to it. */
export class FakeTerminal implements Terminal {
  readonly env: Record<string, string> = {};
  readonly interrupts = new Subject<void>();
  isInteractive = false;
  /** What comes on the standard input. */
  input = '';
  /** What is answered to a question. */
  answer: boolean | undefined;
  out = '';
  err = '';

  write(text: string): void {
    this.out += text;
  }

  note(text: string): void {
    this.err += text;
  }

  read(): Promise<string> {
    return Promise.resolve(this.input);
  }

  confirm(): Promise<boolean | undefined> {
    return Promise.resolve(this.answer);
  }

  /** The lines of the standard output. */
  get lines(): string[] {
    return this.out.split('\n').filter((line) => line !== '');
  }

  /** The standard output as one object a line. */
  get records(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Runs the command here. */
  run(...args: string[]): Promise<number> {
    return runCommand(args, this);
  }
}

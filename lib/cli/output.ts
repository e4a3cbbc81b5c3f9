import { printable } from '../internal/printable.js';
import { shownError } from '../internal/legible.js';
import type { Terminal } from './terminal.js';

/** The colours that are used, by what they mean. */
const COLOURS = { good: 32, bad: 31, change: 33, quiet: 2, strong: 1, name: 36 } as const;

/** What a text means, shown as its colour. */
export type Colour = keyof typeof COLOURS;

/** The longest cell of a table. */
const LONGEST_CELL = 120;

/** How a command prints: tables and lines for people, or one JSON object a line for programs. */
export class Output {
  /** Whether programs read it. */
  readonly isJson: boolean;
  /** Whether a person sees it as it comes, so that it may be redrawn. */
  readonly isLive: boolean;
  readonly #terminal: Terminal;
  readonly #hasColours: boolean;

  constructor(terminal: Terminal, isJson: boolean) {
    this.#terminal = terminal;
    this.isJson = isJson;
    this.isLive = terminal.isInteractive && !isJson;
    // https://no-color.org: any value that is not empty.
    this.#hasColours = this.isLive && !terminal.env['NO_COLOR'] && terminal.env['TERM'] !== 'dumb';
  }

  /** One object as one line. */
  record(value: object): void {
    this.#terminal.write(`${inOneLine(value)}\n`);
  }

  /** A line for people; what comes from elsewhere is made printable by the caller. */
  line(text = ''): void {
    this.#terminal.write(`${text}\n`);
  }

  /** A text as it is, for other programs too. */
  raw(text: string): void {
    this.#terminal.write(text);
  }

  /** A line on the standard error: what is not the result. */
  note(text: string): void {
    this.#terminal.note(`${text}\n`);
  }

  /** An error on the standard error, as a line or as an object. */
  failure(error: unknown): void {
    if (this.isJson) this.note(inOneLine({ error: shownError(error) }));
    else this.note(`error: ${messageOf(error)}`);
  }

  /** A text in a colour, where there are colours. */
  paint(colour: Colour, text: string): string {
    return this.#hasColours ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
  }

  /** A table whose columns are as wide as their widest cell; empty columns are left out. */
  table(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
    const cells = rows.map((row) => row.map((cell) => printable(cell, LONGEST_CELL)));
    const kept = columns.flatMap((_, at) => (at === 0 || cells.some((row) => row[at] !== '') ? [at] : []));
    const widths = new Map(
      kept.map((at) => [at, Math.max(columns[at]!.length, ...cells.map((row) => lengthOf(row[at]!)))]),
    );
    const lineOf = (row: readonly string[]): string =>
      kept
        .map((at) => row[at]! + ' '.repeat(widths.get(at)! - lengthOf(row[at]!)))
        .join('  ')
        .trimEnd();
    return [this.paint('strong', lineOf(columns)), ...cells.map(lineOf)];
  }

  /** Shows these lines in place of all that is on the screen. */
  redraw(lines: readonly string[]): void {
    // Each line clears what was behind it, the end clears what was below: nothing flickers.
    this.#terminal.write(`\u001b[H${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
  }
}

function lengthOf(text: string): number {
  return [...text].length;
}

function inOneLine(value: object): string {
  const json = JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? String(member) : member));
  // The escapes of JSON, for everything that a terminal would obey.
  return printable(json, Infinity);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  const { code } = error as { code?: unknown };
  return `${printable(error.message, 2_000)}${typeof code === 'string' ? ` (${code})` : ''}`;
}

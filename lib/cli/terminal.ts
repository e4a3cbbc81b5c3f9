import { createInterface } from 'node:readline/promises';
import { fromEvent, map, merge, type Observable, share, Subject } from 'rxjs';

/** What the command reads and writes: the terminal that it runs in, or what a spec puts in its place. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether what is written is seen by somebody as it comes. */
  readonly isInteractive: boolean;
  /** Emits when the command shall stop. Hot. */
  readonly interrupts: Observable<void>;
  /** Writes to the standard output. */
  write(text: string): void;
  /** Writes to the standard error. */
  note(text: string): void;
  /** Everything that comes on the standard input. */
  read(): Promise<string>;
  /** Asks a yes-or-no question; `undefined` where nobody can answer. */
  confirm(question: string): Promise<boolean | undefined>;
}

/** The exit code of a command that was stopped by force. */
const KILLED = 130;

/** The terminal of this process. A second signal ends it at once. */
export function processTerminal(): Terminal {
  // A reader that has gone, as in `| head`, stops the command like a signal.
  const closed = new Subject<void>();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    closed.next();
  });
  return {
    env: process.env,
    isInteractive: process.stdout.isTTY,
    interrupts: merge(closed, signals()).pipe(share()),
    write: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
    read: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    },
    confirm: async (question) => {
      if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return /^y(?:es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
      } finally {
        lines.close();
      }
    },
  };
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function signals(): Observable<void> {
  return merge(...SIGNALS.map((signal) => fromEvent(process, signal))).pipe(
    map((_, index) => {
      if (index > 0) process.exit(KILLED);
    }),
  );
}

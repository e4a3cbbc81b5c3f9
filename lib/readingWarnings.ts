import { quoted } from './internal/quoted.js';
import { redact } from './internal/redact.js';
import type { WarningDetails } from './internal/warnings.js';
import { withheldEvents } from './internal/withheldEvents.js';

/** What can go wrong with what is read, though nothing stops because of it. */
type ReadingWarningCode = 'UNREADABLE_NODE' | 'UNREADABLE_DIRECTORY' | 'WITHHELD_EVENTS' | 'LARGE_DIRECTORY';

/** Tells warnings, and knows which were told. */
interface Teller {
  tell(code: ReadingWarningCode, message: string, details: WarningDetails): void;
  isKnown(thing: string): boolean;
}

/** What those who read a registry tell of, each thing once. */
export interface ReadingWarnings {
  readonly onLarge: (path: string, bytes: number) => void;
  readonly onWithheld: (path: string) => void;
  readonly onRefused: (path: string, cause: unknown) => void;
  readonly onUnreadable: (path: string, cause: unknown) => void;
}

/** Turns what those tell of who read a registry into warnings. */
export function readingWarnings(warnings: Teller): ReadingWarnings {
  return {
    onLarge: (path, bytes) =>
      warnings.tell(
        'LARGE_DIRECTORY',
        `The names below ${quoted(path)} add up to ${bytes} bytes: Java clients with default settings stop reading it at 1048575.`,
        { path: redact(path) },
      ),
    onWithheld: (path) => {
      if (warnings.isKnown(`withheld ${path}`)) return;
      warnings.tell('WITHHELD_EVENTS', withheldEvents(path), { path: redact(path) });
    },
    onRefused: (path, cause) => {
      if (warnings.isKnown(path)) return;
      warnings.tell(
        'UNREADABLE_DIRECTORY',
        `What is known of ${quoted(path)} stays as it is until it can be read: ${messageOf(cause)}`,
        { path: redact(path), cause },
      );
    },
    onUnreadable: (path, cause) => {
      if (warnings.isKnown(path)) return;
      warnings.tell('UNREADABLE_NODE', `Skipped ${quoted(path)}: ${messageOf(cause)}`, { path: redact(path), cause });
    },
  };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

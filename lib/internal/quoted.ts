import { printable } from './printable.js';
import { redact } from './redact.js';

/**
 * A text from outside as it may stand in a log or message: without passwords, quoted, escaped and cut to a bearable length,
 * so that no name can write a line of its own.
 */
export function quoted(text: string, longest = 200): string {
  const shown = redact(text);
  const cut = shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
  return printable(JSON.stringify(cut), Infinity);
}

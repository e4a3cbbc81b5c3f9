import { redact } from './redact.js';

/**
 * A text from outside as it may stand in a log or message: without passwords, quoted, escaped and cut to a bearable length,
 * so that no name can write a line of its own.
 */
export function quoted(text: string, longest = 200): string {
  const shown = redact(text);
  const cut = shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
  // JSON leaves DEL, the C1 controls and the line separators alone, which terminals and viewers obey.
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

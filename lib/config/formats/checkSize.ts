/** How much of a text a parser gets through before anybody notices that it holds the event loop. */
export interface Limits {
  /** How many characters there may be. */
  readonly characters: number;
  /** Whether a mark stands at that index: what costs a parser as much as many characters. */
  readonly isMark: (text: string, index: number) => boolean;
  /** How many marks there may be. */
  readonly marks: number;
  /** What marks are: "line breaks". */
  readonly called: string;
}

/**
 * Refuses a text that would take its parser longer than the event loop may stand still: whoever may write a value must not be
 * able to stop a process with it.
 *
 * @throws Error that says how much is too much.
 */
export function checkSize(text: string, format: string, { characters, isMark, marks, called }: Limits): void {
  const tooMuch = (what: string): Error =>
    new Error(
      `it has more than ${what}, too much to read as ${format} while everything else waits: spread it over several keys.`,
    );
  if (text.length > characters) throw tooMuch(`${characters} characters`);
  let left = marks;
  for (let index = 0; index < text.length; index++) {
    if (isMark(text, index) && --left < 0) throw tooMuch(`${marks} ${called}`);
  }
}

/** Which of the ASCII characters are in a text, to look up fast. */
export function anyOf(characters: string): (code: number) => boolean {
  const table = new Uint8Array(128);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return (code) => table[code] === 1;
}

/** What terminals and viewers obey, or show as something else than it is: controls, line ends, marks that turn text around. */
const UNFIT_TO_PRINT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Prose of a server as it may stand in a message: in one line of bearable length, nothing in it but what can be seen. */
export function printable(text: string, longest = 500): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut.replace(UNFIT_TO_PRINT, (character) =>
    Array.from({ length: character.length }, (_, unit) => escapeOf(character.charCodeAt(unit))).join(''),
  );
}

function escapeOf(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

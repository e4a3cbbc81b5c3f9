/**
 * The name that somebody probably meant.
 *
 * Names are near if one contains the other, as in `sessionTimeout` for `session`, or if they are at most two slips apart: a
 * character too many, missing, wrong, or two exchanged.
 *
 * @returns The nearest of the names; `undefined` if none is near.
 */
export function nearest(text: string, names: readonly string[]): string | undefined {
  const given = text.toLowerCase();
  const most = Math.min(2, Math.floor(given.length / 2));
  const found = names
    .map((name) => ({ name, slips: slipsBetween(given, name.toLowerCase(), most) }))
    .filter(({ slips }) => slips <= most)
    .sort((a, b) => a.slips - b.slips);
  if (found[0]) return found[0].name;
  const contained = names.filter((name) => name.length > 2 && given.includes(name.toLowerCase()));
  return contained.sort((a, b) => b.length - a.length)[0];
}

/** How many slips lead from one text to the other (optimal string alignment); more than `most` for any number above it. */
function slipsBetween(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let slips = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) slips = Math.min(slips, beforeLast[j - 2]! + 1);
      row[j] = slips;
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}

import { formatMs } from './duration.js';

/** Something that was told at a time. */
export interface TraceEntry {
  readonly atMs: number;
  readonly text: string;
}

/** How many entries an account of what went wrong shows. */
const MOST_SHOWN = 40;

/**
 * An account of what was told: each thing, and how long it was quiet before it; what came at one moment is in parentheses.
 *
 * ```text
 *  (k c) 12s s 18s l
 * ```
 *
 * Reads like a marble diagram, but that nothing takes time by being written.
 */
export function describeTrace(entries: readonly TraceEntry[], fromMs = 0): string {
  const moments: { readonly atMs: number; readonly texts: string[] }[] = [];
  for (const { atMs, text } of entries) {
    const last = moments.at(-1);
    if (last?.atMs === atMs) last.texts.push(text);
    else moments.push({ atMs, texts: [text] });
  }
  return moments
    .flatMap(({ atMs, texts }, index) => {
      const quiet = atMs - (moments[index - 1]?.atMs ?? fromMs);
      return [...(quiet > 0 ? [formatMs(quiet)] : []), texts.length > 1 ? `(${texts.join(' ')})` : texts[0]!];
    })
    .join(' ');
}

/** An account with a mark below its last entry. */
export function describeFlaw(entries: readonly TraceEntry[]): string {
  const shown = entries.slice(-MOST_SHOWN);
  const account = shown.length < entries.length ? `… ${describeTrace(shown, shown[0]?.atMs)}` : describeTrace(shown);
  const end = account.length - (account.endsWith(')') ? 1 : 0);
  return `  ${account}\n  ${' '.repeat(Math.max(0, end - (shown.at(-1)?.text.length ?? 0)))}^`;
}

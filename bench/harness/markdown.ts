import type { Row } from './figure.js';
import { withSpread } from './table.js';
import type { Verdict } from './verdict.js';

/** Rows as a table. */
export function rowsTable(rows: readonly Row[]): string {
  return table(
    ['figure', 'on', 'at', 'what', 'rx-registry', 'the other', 'ratio', 'the other is'],
    rows.map(({ figure, backend = '', at, metric, unit, ours, bare, ratio, against = '' }) => [
      figure,
      backend,
      at,
      unit ? `${metric}, ${unit}` : metric,
      withSpread(ours),
      bare ? withSpread(bare) : '',
      ratio ? withSpread(ratio) : '',
      against,
    ]),
  );
}

/** Verdicts as a table. */
export function verdictsTable(verdicts: readonly Verdict[]): string {
  return table(
    ['target', '', 'measured'],
    verdicts.map(({ of, target, text, met }) => [of, target, met === false ? `**${text}**` : text]),
  );
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Replaces what is between `<!-- name: begin -->` and `<!-- name: end -->`. */
export function replaceBlock(page: string, name: string, content: string): string {
  const begin = `<!-- ${name}: begin -->`;
  const end = `<!-- ${name}: end -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`The page has no place for ${name}.`);
  return `${page.slice(0, from + begin.length)}\n\n${content}\n\n${page.slice(to)}`;
}

/** One bar: the usual, and the bad that is reached by one in a hundred. */
export interface Bar {
  readonly name: string;
  readonly usual: number;
  readonly bad: number;
}

/** Bars that are compared with each other. */
export interface Panel {
  readonly name: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 840;
const COLUMNS = 2;
const LEFT = 186;
const ROW = 20;
const HEAD = 78;
/** Right of each bar, for what it says. */
const LABEL = 76;
const GAP = 46;

/** Panels of horizontal bars on one scale, as SVG that can be read on a light and on a dark page. */
export function barPanels(title: string, subtitle: string, most: number, panels: readonly Panel[]): string {
  const rows = panels[0]?.bars.length ?? 0;
  const panelHeight = rows * ROW + GAP;
  const height = HEAD + Math.ceil(panels.length / COLUMNS) * panelHeight + 10;
  const width = (WIDTH - LEFT - 10) / COLUMNS - LABEL;
  const body = panels.flatMap((panel, index) => {
    const left = LEFT + (index % COLUMNS) * (width + LABEL);
    const top = HEAD + Math.floor(index / COLUMNS) * panelHeight;
    return [
      text(left, top + 4, panel.name, 'start', 'name'),
      ...panel.bars.flatMap(({ name, usual, bad }, row) => {
        const y = top + 12 + row * ROW;
        const length = (value: number): number => Math.round((Math.min(value, most) / most) * width * 10) / 10;
        const kind = row === 0 ? 'best' : row === 1 ? 'chance' : 'bar';
        const label = usual === bad ? short(bad) : `${short(usual)} … ${short(bad)}`;
        return [
          ...(index % COLUMNS === 0 ? [text(left - 8, y + 13, name, 'end')] : []),
          `<rect class="${kind} bad" x="${left}" y="${y + 2}" width="${length(bad)}" height="13"/>`,
          `<rect class="${kind}" x="${left}" y="${y + 2}" width="${length(usual)}" height="13"/>`,
          text(left + length(bad) + 5, y + 13, label, 'start', 'value'),
        ];
      }),
    ];
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    '<style>',
    'text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #57606a; }',
    '.title { font-size: 17px; font-weight: 600; }',
    '.name { font-weight: 600; }',
    '.value { font-size: 11px; }',
    '.bar { fill: #1a7fd6; }',
    '.best { fill: #2da44e; }',
    '.chance { fill: #8c959f; }',
    '.bad { fill-opacity: 0.4; }',
    '@media (prefers-color-scheme: dark) { text { fill: #d1d7e0; } }',
    '</style>',
    text(10, 26, title, 'start', 'title'),
    text(10, 46, subtitle, 'start'),
    ...body,
    '</svg>',
  ].join('\n')}\n`;
}

function short(value: number): string {
  return value >= 10 ? value.toFixed(0) : String(Math.round(value * 10) / 10);
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end', kind?: string): string {
  const attributes = kind ? ` class="${kind}"` : '';
  return `<text x="${Math.round(x * 10) / 10}" y="${y}" text-anchor="${anchor}"${attributes}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

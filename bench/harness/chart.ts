/** One line of a {@link logLogChart}. */
export interface Series {
  readonly name: string;
  /** A colour that can be read on white and on black. */
  readonly colour: string;
  readonly dashed?: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What a {@link logLogChart} shows. */
export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 460;
const PLOT = { left: 84, right: 716, top: 104, bottom: 396 };

/** Draws a chart with a logarithmic scale on both axes, as SVG that can be read on a light and on a dark page. */
export function logLogChart({ title, xLabel, yLabel, series }: Chart): string {
  const points = series.flatMap((each) => each.points);
  const x = scale(
    points.map(([value]) => value),
    PLOT.left,
    PLOT.right,
  );
  const y = scale(
    points.map(([, value]) => value),
    PLOT.bottom,
    PLOT.top,
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escaped(title)}</title>`,
    '<style>',
    'text { font: 14px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #6e7781; }',
    '.title { font-size: 17px; font-weight: 600; }',
    '.grid { stroke: #818b98; stroke-opacity: 0.3; }',
    '.axis { stroke: #818b98; }',
    // What shows it may not say which it is: the grey above can be read on both.
    '@media (prefers-color-scheme: light) { text { fill: #3d444d; } }',
    '@media (prefers-color-scheme: dark) { text { fill: #d1d7e0; } }',
    '</style>',
    text(PLOT.left, 26, title, 'start', 'title'),
    ...series.flatMap((each, index) => legendEntry(each, index)),
    ...x.ticks.flatMap((value) => [
      line(x.at(value), PLOT.top, x.at(value), PLOT.bottom, 'grid'),
      text(x.at(value), PLOT.bottom + 22, tickLabel(value), 'middle'),
    ]),
    ...y.ticks.flatMap((value) => [
      line(PLOT.left, y.at(value), PLOT.right, y.at(value), 'grid'),
      text(PLOT.left - 10, y.at(value) + 5, tickLabel(value), 'end'),
    ]),
    line(PLOT.left, PLOT.top, PLOT.left, PLOT.bottom, 'axis'),
    line(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, 'axis'),
    text((PLOT.left + PLOT.right) / 2, HEIGHT - 14, xLabel, 'middle'),
    `<g transform="translate(22 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)">${text(0, 0, yLabel, 'middle')}</g>`,
    ...series.flatMap((each) => [
      `<polyline fill="none" ${stroke(each)} points="${each.points.map(([px, py]) => `${round(x.at(px))},${round(y.at(py))}`).join(' ')}"/>`,
      ...each.points.map(
        ([px, py]) => `<circle cx="${round(x.at(px))}" cy="${round(y.at(py))}" r="4" fill="${each.colour}"/>`,
      ),
    ]),
    '</svg>',
  ].join('\n')}\n`;
}

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** From the power of ten below the least to the one above the largest. */
function scale(values: readonly number[], from: number, to: number): Scale {
  if (values.length === 0 || values.some((value) => !(value > 0 && value < Infinity))) {
    throw new RangeError('A logarithmic scale needs values, and all of them above 0.');
  }
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)),
    at: (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from),
  };
}

/** Two in a row. */
function legendEntry(series: Series, index: number): string[] {
  const left = PLOT.left + (index % 2) * 300;
  const middle = 52 + Math.floor(index / 2) * 22;
  return [
    `<line x1="${left}" y1="${middle}" x2="${left + 34}" y2="${middle}" ${stroke(series)}/>`,
    `<circle cx="${left + 17}" cy="${middle}" r="4" fill="${series.colour}"/>`,
    text(left + 44, middle + 5, series.name, 'start'),
  ];
}

function stroke({ colour, dashed }: Series): string {
  return `stroke="${colour}" stroke-width="2.5"${dashed ? ' stroke-dasharray="7 5"' : ''}`;
}

function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return `<line class="${kind}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end', kind?: string): string {
  return `<text${kind ? ` class="${kind}"` : ''} x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function tickLabel(value: number): string {
  return value >= 1 ? value.toLocaleString('en') : String(Number(value.toPrecision(1)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

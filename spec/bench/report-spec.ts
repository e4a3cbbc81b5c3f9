import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { changeChart } from '../../bench/changeChart.js';
import { logLogChart } from '../../bench/harness/chart.js';
import { FIGURES } from '../../bench/figures/index.js';
import { type BackendName, BACKENDS, type Row } from '../../bench/harness/figure.js';
import { replaceBlock, rowsTable } from '../../bench/harness/markdown.js';
import { readOptions } from '../../bench/harness/options.js';
import { readReport } from '../../bench/harness/report.js';
import { threeDigits } from '../../bench/harness/table.js';
import { type Target, verdictOn } from '../../bench/harness/verdict.js';
import { scalingTable } from '../../bench/scaling.js';
import { TARGETS } from '../../bench/targets.js';

const still = (median: number) => ({ median, spread: 0 });

function changeRow(size: number, ours: number, bare: number): Row {
  return {
    figure: 'change',
    backend: 'zookeeper',
    at: `among ${size.toLocaleString('en')}`,
    metric: 'consumer CPU',
    unit: 'ms',
    against: 'node-zookeeper-client',
    ours: still(ours),
    bare: still(bare),
    ratio: still(ours / bare),
  };
}

/** Just what the page on scaling needs. */
function measuredOn(backend: BackendName): Row[] {
  const row = (figure: string, at: string, metric: string, ours: number): Row => ({
    figure,
    backend,
    at,
    metric,
    unit: '',
    ours: still(ours),
  });
  const against = backend === 'zookeeper' ? 'node-zookeeper-client' : 'etcd3';
  return [
    { ...changeRow(10_000, 0.5, 30), backend, against },
    row('subscribers', '', 'bytes from the server, each change', 400),
    row('snapshot', '', 'until complete', 200),
    row('memory', '100,000', 'beyond the URL, each', 300),
    row('register', '10,000', 'until acknowledged', 500),
    row('idle', '', 'on the wire', 20),
  ];
}

describe('a target', () => {
  const target = (sign: '≤' | '≥', measured: number | undefined): Target<undefined> => ({
    of: 'something',
    sign,
    limit: 0.5,
    measured: () => measured,
    heldBy: () => 'the weather',
  });

  it.each([
    ['≤', 0.43, true],
    ['≤', 0.5, true],
    ['≤', 0.51, false],
    ['≥', 0.43, false],
    ['≥', 0.5, true],
    ['≤', undefined, undefined],
    ['≤', NaN, undefined],
    ['≤', null as unknown as number, undefined],
    ['≥', Infinity, undefined],
  ] as const)('of %s 0.5 is judged by %s', (sign, measured, met) => {
    expect(verdictOn(target(sign, measured), undefined).met).toBe(met);
  });

  it('says what holds it, only if something does', () => {
    expect(verdictOn(target('≤', 0.43), undefined).text).toBe('0.430 met');
    expect(verdictOn(target('≤', 0.6), undefined).text).toBe('0.600 not met: the weather');
    expect(verdictOn(target('≤', undefined), undefined).text).toBe('not measured');
  });

  it('is found among the rows', () => {
    const verdicts = TARGETS.map((each) => verdictOn(each, [changeRow(10_000, 0.5, 30)]));
    const cheaper = verdicts.filter(({ of }) => of === 'times cheaper in CPU than reading 10,000 again, zookeeper');
    expect(cheaper).toMatchObject([{ met: true, measured: 60 }]);
    expect(verdicts.filter(({ met }) => met !== undefined)).toHaveLength(1);
  });
});

describe('the chart', () => {
  const rows = [changeRow(10, 0.3, 0.4), changeRow(1_000, 0.3, 4), changeRow(10_000, 0.3, 33)];

  it('is well-formed, with one line for each side', () => {
    const svg = changeChart(rows)!;
    expect(unclosed(svg)).toEqual([]);
    expect(svg.match(/<polyline /g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('puts what is ten times as much as far away, whatever it is ten times of', () => {
    const svg = logLogChart({
      title: '',
      xLabel: '',
      yLabel: '',
      series: [{ name: '', colour: '#000', points: [10, 100, 1_000].map((value) => [value, value] as const) }],
    });
    const [points = ''] = /(?<= points=")[^"]+/.exec(svg) ?? [];
    const [first, second, third] = points.split(' ').map((each) => Number(each.split(',')[0]));
    expect(second! - first!).toBeCloseTo(third! - second!, 0);
  });

  it('escapes what it is given', () => {
    const svg = logLogChart({
      title: 'a < b & "c"',
      xLabel: '<x>',
      yLabel: '',
      series: [{ name: '<i>', colour: '#000', points: [[1, 1]] }],
    });
    expect(unclosed(svg)).toEqual([]);
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
  });

  it('refuses what has no logarithm', () => {
    const chart = { title: '', xLabel: '', yLabel: '' };
    expect(() => logLogChart({ ...chart, series: [] })).toThrow(RangeError);
    expect(() => logLogChart({ ...chart, series: [{ name: '', colour: '', points: [[0, 1]] }] })).toThrow(RangeError);
  });

  it('is none where nothing was measured', () => {
    expect(changeChart([])).toBeUndefined();
  });
});

describe('the pages', () => {
  it('hold a row as a line of a table, and say what a pipe is', () => {
    const table = rowsTable([{ ...changeRow(10, 0.3, 0.4), at: 'a|b' }]);
    expect(table.split('\n')).toHaveLength(3);
    expect(table).toContain('| change | zookeeper | a\\|b | consumer CPU, ms | 0.300 ± 0.000 |');
  });

  it('have a place for what is measured, and a line for each figure', () => {
    const page = readFileSync('bench/README.md', 'utf8');
    for (const block of ['measured', 'peers']) expect(replaceBlock(page, block, 'new')).toContain('new');
    expect(replaceBlock(readFileSync('docs/scaling.md', 'utf8'), 'computed', 'new')).toContain('new');
    for (const { name } of FIGURES) expect(page).toMatch(new RegExp(`^\\| \`${name}\` `, 'm'));
  });

  it('compute what follows for a million, only if all that it needs was measured', () => {
    const rows = BACKENDS.flatMap((backend) => measuredOn(backend));
    const table = scalingTable(rows)!;
    // 2,000,000 in a day, to 10,000 clients, of 400 bytes.
    expect(table).toContain('`churn × C × bytes of an event` | 92.6 MB/s | 92.6 MB/s');
    // 23 a second, of 0.5 ms.
    expect(table).toContain('`churn × CPU of a change` | 1.16 % | 1.16 %');
    expect(table).not.toMatch(/NaN|undefined/);
    expect(scalingTable(rows.slice(1))).toBeUndefined();
  });

  it('keep everything around a block, and say if there is no place for it', () => {
    const page = 'before\n<!-- x: begin -->\nold\n<!-- x: end -->\nafter';
    expect(replaceBlock(page, 'x', 'new')).toBe('before\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nafter');
    expect(() => replaceBlock(page, 'y', 'new')).toThrow('no place for y');
  });

  it('show as many digits as mean something', () => {
    expect([NaN, Infinity, 0, 0.00123, 0.0432, 0.432, 4.321, 43.21, 432.1, 43_210].map(threeDigits)).toEqual([
      '–',
      '–',
      '0.000',
      '0.0012',
      '0.043',
      '0.432',
      '4.32',
      '43.2',
      '432',
      '43,210',
    ]);
  });
});

describe('the command line', () => {
  it('takes all figures and servers where it names none', () => {
    expect(readOptions([], ['a', 'b'])).toMatchObject({ only: [], backends: ['zookeeper', 'etcd'], quick: false });
  });

  it('takes those that it names, and refuses what there is not', () => {
    expect(readOptions(['--only', 'a', '--backend', 'etcd', '--json'], ['a', 'b'])).toMatchObject({
      only: ['a'],
      backends: ['etcd'],
      json: true,
    });
    expect(() => readOptions(['--only', 'c'], ['a', 'b'])).toThrow('--only takes one of: a, b');
    expect(() => readOptions(['--backend', 'consul'], ['a'])).toThrow('--backend takes one of: zookeeper, etcd');
    expect(() => readOptions(['--fast'], ['a'])).toThrow();
    expect(() => readOptions(['--write', '--only', 'a'], ['a'])).toThrow('--write replaces whole tables');
  });

  it('reads a report back, with what a package manager printed before it', () => {
    const text = '\n> rx-registry@0.1.0 bench\n> tsx bench/run.ts --json\n\n{\n  "node": "v20", "rows": []\n}\n';
    expect(readReport(text)).toMatchObject({ node: 'v20' });
    expect(() => readReport('nothing')).toThrow('--json');
  });
});

/** The elements that are not closed, or closed by another one, with plain code: there is no parser of XML at hand. */
function unclosed(xml: string): string[] {
  const open: string[] = [];
  for (const [, closing, name, own] of xml.matchAll(/<(\/?)([a-z]+)(?:\s+[\w-:]+="[^"<]*")*\s*(\/?)>/gi)) {
    if (own) continue;
    if (!closing) open.push(name!);
    else if (open.pop() !== name) return [`</${name}>`];
  }
  const stray = xml.replaceAll(/<(\/?)([a-z]+)(?:\s+[\w-:]+="[^"<]*")*\s*(\/?)>/gi, '').match(/[<>]|&(?!\w+;)/g);
  return [...open, ...(stray ?? [])];
}

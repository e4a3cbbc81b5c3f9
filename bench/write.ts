import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { changeChart } from './changeChart.js';
import { replaceBlock, rowsTable, verdictsTable } from './harness/markdown.js';
import type { Report } from './harness/report.js';
import { verdictOn } from './harness/verdict.js';
import { scalingTable } from './scaling.js';
import { TARGETS } from './targets.js';

const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Writes a report into the documentation; returns which files it wrote. */
export async function writeDocumentation(report: Report): Promise<string[]> {
  const { rows } = report;
  const made = madeOn(report);
  const verdicts = TARGETS.map((target) => verdictOn(target, rows));
  await fill('bench/README.md', 'measured', [made, verdictsTable(verdicts), rowsTable(rows)]);
  const scaling = scalingTable(rows);
  if (scaling) await fill('docs/scaling.md', 'computed', [made, scaling]);
  const chart = changeChart(rows);
  if (chart) writeFileSync(file('docs/change-cost.svg'), chart);
  return ['bench/README.md', ...(scaling ? ['docs/scaling.md'] : []), ...(chart ? ['docs/change-cost.svg'] : [])];
}

/** Writes what peers were measured at; returns which files it wrote. */
export async function writePeers(report: Report, missing: readonly string[]): Promise<string[]> {
  const unable = missing.map((name) => `${name} could not be installed or loaded there, and is not measured.`);
  await fill('bench/README.md', 'peers', [madeOn(report), ...unable, rowsTable(report.rows)]);
  return ['bench/README.md'];
}

function madeOn({ date, node, machine, quick }: Report): string {
  return `Measured on ${date}: ${machine}, Node ${node}${quick ? '; a quick run' : ''}.`;
}

async function fill(path: string, block: string, parts: readonly string[]): Promise<void> {
  const page = replaceBlock(readFileSync(file(path), 'utf8'), block, parts.join('\n\n'));
  const style = await resolveConfig(file(path));
  writeFileSync(file(path), await format(page, { ...style, filepath: file(path) }));
}

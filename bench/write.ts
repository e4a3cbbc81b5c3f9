import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { changeChart } from './changeChart.js';
import { replaceBlock, rowsTable, verdictsTable } from './harness/markdown.js';
import type { Report } from './harness/report.js';
import { verdictOn } from './harness/verdict.js';
import { scalingTable } from './scaling.js';
import { TARGETS } from './targets.js';

const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Writes a report into the documentation; returns which files it wrote. */
export function writeDocumentation({ date, node, machine, quick, rows }: Report): string[] {
  const written: string[] = [];
  const write = (path: string, content: string): void => {
    writeFileSync(file(path), content);
    written.push(path);
  };
  const fill = (path: string, block: string, content: string): void =>
    write(path, replaceBlock(readFileSync(file(path), 'utf8'), block, content));

  const made = `Measured on ${date}: ${machine}, Node ${node}${quick ? '; a quick run' : ''}.`;
  const verdicts = TARGETS.map((target) => verdictOn(target, rows));
  fill('bench/README.md', 'measured', [made, verdictsTable(verdicts), rowsTable(rows)].join('\n\n'));
  const scaling = scalingTable(rows);
  if (scaling) fill('docs/scaling.md', 'computed', [made, scaling].join('\n\n'));
  const chart = changeChart(rows);
  if (chart) write('docs/change-cost.svg', chart);
  return written;
}

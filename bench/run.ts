/**
 * Measures what the registry costs, against the raw clients of its servers doing the same work in the same run.
 *
 *     npm run bench -- [--json] [--only NAME]… [--backend zookeeper|etcd] [--quick] [--write] [--from FILE]
 */
import { readFileSync } from 'node:fs';
import { FIGURES } from './figures/index.js';
import type { Row } from './harness/figure.js';
import { readOptions } from './harness/options.js';
import { readReport, type Report, reportOn } from './harness/report.js';
import { Stage } from './harness/stage.js';
import { toLine } from './harness/table.js';
import { verdictOn } from './harness/verdict.js';
import { TARGETS } from './targets.js';
import { writeDocumentation } from './write.js';

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    args,
    FIGURES.map(({ name }) => name),
  );
  const say = (line: string): void => (options.json ? console.error(line) : console.log(line));
  const began = performance.now();
  const progress = (line: string): void => {
    console.error(`  ${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s  ${line}`);
  };
  if (options.from !== undefined) {
    await conclude(readReport(readFileSync(options.from, 'utf8')), options.write, say);
    return;
  }
  const rows: Row[] = [];
  for (const figure of FIGURES) {
    if (options.only.length > 0 && !options.only.includes(figure.name)) continue;
    say(`\n${figure.name}: ${figure.what}`);
    const backends = figure.backends.filter((each) => options.backends.includes(each));
    for (const backend of figure.backends.length === 0 ? [undefined] : backends) {
      await using stage = await Stage.open({
        backend,
        quick: options.quick,
        progress: (line) => progress(`${figure.name}${backend ? ` on ${backend}` : ''}: ${line}`),
      });
      const measuredNow = await figure.measure(stage);
      for (const row of measuredNow) say(toLine(row));
      rows.push(...measuredNow);
    }
  }
  const report = reportOn(rows, options.quick);
  await conclude(report, options.write, say);
  if (options.json) console.log(JSON.stringify(report, undefined, 2));
}

async function conclude(report: Report, write: boolean, say: (line: string) => void): Promise<void> {
  say('');
  for (const { of, target, text, met } of TARGETS.map((each) => verdictOn(each, report.rows))) {
    if (met !== undefined) say(`${of}: target ${target}: ${text}`);
  }
  if (write) say(`\nWritten: ${(await writeDocumentation(report)).join(', ')}`);
}

await main(process.argv.slice(2));

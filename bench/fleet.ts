import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { CONTESTANTS } from './fleet/contestants.js';
import { type Figures, quantile } from './fleet/fleet.js';
import { barPanels } from './fleet/panels.js';
import { SCENARIOS } from './fleet/scenarios.js';
import { replaceBlock, table } from './harness/markdown.js';

/*
 * `npm run bench:fleet` plays every scenario with every balancer, and writes the tables and charts of docs/balancers.md. Time is
 * virtual and random numbers are seeded: the figures do not depend on the machine, nor on what else it does.
 */
interface Result {
  readonly load: readonly [usual: number, bad: number];
  readonly latency: readonly [usual: number, bad: number];
  readonly failed: number;
}

function resultOf({ load, latency, calls, failed }: Figures): Result {
  return {
    load: [quantile(load, 0.5), quantile(load, 0.99)],
    latency: [quantile(latency, 0.5), quantile(latency, 0.99)],
    failed: failed / calls,
  };
}

const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

const results = SCENARIOS.map((scenario) => {
  process.stderr.write(`${scenario.name}\n`);
  const played = Object.entries(CONTESTANTS).map(
    ([name, balancer]) => [name, resultOf(scenario.play(balancer))] as const,
  );
  return { scenario, played };
});

function section({ scenario, played }: (typeof results)[number]): string {
  const rows = played.map(([name, { load, latency, failed }]) => [
    name.includes(' ') ? name : `\`${name}\``,
    String(load[0]),
    String(load[1]),
    latency[0].toFixed(0),
    latency[1].toFixed(0),
    `${(100 * failed).toFixed(2)} %`,
  ]);
  return [
    `### ${scenario.name}`,
    '',
    `${scenario.what[0]!.toUpperCase()}${scenario.what.slice(1)}.`,
    '',
    table(['balancer', 'load, p50', 'load, p99', 'latency, p50, ms', 'latency, p99, ms', 'calls that failed'], rows),
  ].join('\n');
}

function chart(
  name: string,
  [title, subtitle]: readonly [string, string],
  most: number,
  of: (result: Result) => readonly [number, number],
): void {
  const panels = results.map(({ scenario, played }) => ({
    name: scenario.name,
    bars: played.map(([name, result]) => ({ name, usual: of(result)[0], bad: of(result)[1] })),
  }));
  writeFileSync(file(`docs/balancers-${name}.svg`), barPanels(title, subtitle, most, panels));
}

const half = 'half of them are below the dark bar, 99 % below the light one';
chart('latency', ['Latency of calls that were answered, ms', half], 1_000, ({ latency }) => latency);
chart('load', ['Calls at a host, for each that it serves at a time', half], 30, ({ load }) => load);
chart('failed', ['Calls that failed, %', 'refused, or not answered within 1 s'], 10, ({ failed }) => [
  100 * failed,
  100 * failed,
]);

const path = file('docs/balancers.md');
const page = replaceBlock(readFileSync(path, 'utf8'), 'simulated', results.map(section).join('\n\n'));
writeFileSync(path, await format(page, { ...(await resolveConfig(path)), filepath: path }));

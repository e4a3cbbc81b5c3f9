import { CORE_SUITES, isContract } from './suites.js';
import type { Outcomes, ServerName, Versions } from './versions.js';

const FAULTS = 'faults';
const BEGIN = '<!-- written by `npm run versions` from docs/versions.json -->';
const END = '<!-- end of what is written -->';

/** The table of the versions that were tested, where these are the suites that there are. */
export function versionsTable(versions: Versions, suitesOf: (name: ServerName) => readonly string[]): string {
  const heads = ['server', 'version', 'from', 'contract', CORE_SUITES.join(', '), 'all server specs', 'fault matrix'];
  const rows = (Object.keys(versions) as ServerName[]).flatMap((name) => {
    const all = suitesOf(name);
    const columns = [all.filter(isContract), CORE_SUITES, all, [FAULTS]];
    return Object.entries(versions[name]).map(([version, { origin, suites }]) => [
      ...[name, version, origin],
      ...columns.map((column) => verdict(suites, column)),
    ]);
  });
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Replaces the table in a page of Markdown. */
export function withTable(page: string, table: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`The page has no place for the table: ${BEGIN} … ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${table}\n\n${page.slice(end)}`;
}

/** ✓ if all of them ran and passed, ✗ if one failed, nothing if they were not all run. */
function verdict(suites: Outcomes, wanted: readonly string[]): string {
  const outcomes = wanted.flatMap((suite) => suites[suite] ?? []);
  if (outcomes.some(({ failed }) => failed > 0)) return '✗';
  return outcomes.length > 0 && outcomes.length === wanted.length ? '✓' : '';
}

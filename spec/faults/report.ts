import { type Kind, KINDS } from '../support/cluster/faultCluster.js';
import type { Cell } from './cell.js';
import { INVARIANTS } from './invariants/index.js';

/** What is told of a cell, in a line. */
export function line({ invariant, verdict: { held, measuredMs, boundMs, note }, before }: Cell): string {
  const measured = measuredMs === undefined ? '' : ` ${Math.round(measuredMs)} of ${boundMs} ms`;
  const twice = before ? ' the second time; the first time it did not' : '';
  return `${held ? 'held  ' : 'FAILED'} ${invariant}${measured}${note ? ` (${note})` : ''}${twice}`;
}

const SYMBOLS = { held: '✓', twice: '²', failed: '✗', silent: '·' };

/** The whole matrix as a page of Markdown. */
export function page(cells: readonly Cell[], sessionTimeoutMs: number): string {
  const invariants = Object.keys(INVARIANTS);
  const kinds = KINDS.filter((kind) => cells.some((cell) => cell.kind === kind));
  const { held, failed } = count(cells);
  return [
    '# Faults and what held',
    '',
    `Written by \`npm run test:faults\`: ${held} cells held, ${failed} failed. How to run and read it: [CONTRIBUTING](../CONTRIBUTING.md#the-fault-matrix).`,
    '',
    `Three real servers; 20 providers and 10 consumers in four processes, each with a way of its own to the servers, coming, moving`,
    `and going all the while; a session timeout T of ${sessionTimeoutMs / 1_000} s. ${SYMBOLS.held} held (${SYMBOLS.held}${SYMBOLS.twice}: when the fault was played again), ${SYMBOLS.failed} failed, ${SYMBOLS.silent} has nothing to say about that fault.`,
    'Numbers are the longest time measured, in T: under *convergence* from the end of the fault until everybody agrees; under',
    '*no ghost* until what was taken back, or whose process fell silent, is gone; under *no vanish* and *no missed removal* how long a',
    'held instance was missing, and until a removal was told, where the servers could be reached; under *no empty push* until the',
    'removal of a last instance was told; under *liveness* until `lost`; under *clean shutdown* until closed. *No flap* counts those',
    'of the providers that stay whose session survived: nobody is told anything of them.',
    '',
    ...kinds.flatMap((kind) => table(kind, cells, invariants, sessionTimeoutMs)),
    ...bounds(cells, sessionTimeoutMs),
  ].join('\n');
}

function table(kind: Kind, cells: readonly Cell[], invariants: readonly string[], sessionTimeoutMs: number): string[] {
  const faults = [...new Set(cells.filter((cell) => cell.kind === kind).map(({ fault }) => fault))];
  const find = (fault: string, invariant: string) =>
    cells.find((cell) => cell.kind === kind && cell.fault === fault && cell.invariant === invariant);
  const text = (cell: Cell | undefined): string => {
    if (!cell) return SYMBOLS.silent;
    const { held, measuredMs, note = '' } = cell.verdict;
    const survivors = cell.invariant === 'no flap' ? ` ${note}` : '';
    const measured = measuredMs === undefined ? survivors : ` ${times(measuredMs, sessionTimeoutMs)}`;
    return `${held ? SYMBOLS.held : SYMBOLS.failed}${cell.before ? SYMBOLS.twice : ''}${measured}`;
  };
  return [
    `## ${kind === 'etcd' ? 'etcd' : 'ZooKeeper'}`,
    '',
    `| fault | ${invariants.join(' | ')} |`,
    `| --- |${' --- |'.repeat(invariants.length)}`,
    ...faults.map((fault) => `| ${fault} | ${invariants.map((each) => text(find(fault, each))).join(' | ')} |`),
    '',
  ];
}

/** What was promised, and the worst that was measured. */
function bounds(cells: readonly Cell[], sessionTimeoutMs: number): string[] {
  const rows = Object.keys(INVARIANTS).flatMap((invariant) => {
    const measured = cells.filter(
      ({ invariant: name, verdict }) => name === invariant && verdict.boundMs !== undefined,
    );
    if (measured.length === 0) return [];
    const promised = [...new Set(measured.map(({ verdict }) => times(verdict.boundMs!, sessionTimeoutMs)))].join(
      ' or ',
    );
    const worst = KINDS.map((kind) => {
      const all = measured.filter((cell) => cell.kind === kind).map(({ verdict }) => verdict.measuredMs ?? 0);
      return all.length > 0 ? times(Math.max(...all), sessionTimeoutMs) : SYMBOLS.silent;
    });
    return [`| ${invariant} | ${promised} | ${worst.join(' | ')} |`];
  });
  return [
    '## The worst of each, in T',
    '',
    `| invariant | promised | ${KINDS.map((kind) => (kind === 'etcd' ? 'etcd' : 'ZooKeeper')).join(' | ')} |`,
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    'What is promised includes 1.5 s for a busy machine, liveness a fifth of T; convergence, no vanish and no missed removal also 1.5 s',
    'for the longest wait between two attempts to connect, no ghost 1 s.',
    '',
  ];
}

function times(ms: number, sessionTimeoutMs: number): string {
  return (Math.max(0, ms) / sessionTimeoutMs).toFixed(2);
}

/** How many cells held, and how many did not. */
export function count(cells: readonly Cell[]): { held: number; failed: number } {
  const held = cells.filter(({ verdict }) => verdict.held).length;
  return { held, failed: cells.length - held };
}

import { arch, cpus, platform } from 'node:os';
import type { Row } from './figure.js';

/** What one run of the bench tells. */
export interface Report {
  readonly date: string;
  readonly node: string;
  readonly machine: string;
  /** Whether it took few repetitions, and smaller numbers where large ones take long. */
  readonly quick: boolean;
  readonly rows: readonly Row[];
}

export function reportOn(rows: readonly Row[], quick: boolean): Report {
  const [first] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    machine: `${cpus().length} × ${first?.model.trim() || 'unknown processor'}, ${platform()} ${arch()}, client and servers on loopback`,
    quick,
    rows,
  };
}

/** Reads a report back, whatever a package manager printed before it. */
export function readReport(text: string): Report {
  const from = text.search(/^\{/m);
  if (from < 0) throw new Error('Expected what --json printed.');
  return JSON.parse(text.slice(from)) as Report;
}

import { parseArgs } from 'node:util';
import { type BackendName, BACKENDS } from './figure.js';

/** What the command line asks for. */
export interface Options {
  /** The figures; all of them if none is named. */
  readonly only: readonly string[];
  readonly backends: readonly BackendName[];
  readonly quick: boolean;
  /** Prints the rows as JSON, and the progress to the standard error. */
  readonly json: boolean;
  /** Writes the tables and the chart into the documentation. */
  readonly write: boolean;
  /** A file with what `--json` printed, to take instead of measuring. */
  readonly from: string | undefined;
}

/** Reads the command line. @throws Error if it asks for what there is not. */
export function readOptions(args: readonly string[], figures: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      backend: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      from: { type: 'string' },
    },
  });
  for (const name of values.only) {
    if (!figures.includes(name)) throw new Error(`--only takes one of: ${figures.join(', ')}.`);
  }
  const backends = BACKENDS.filter((each) => values.backend.length === 0 || values.backend.includes(each));
  if (backends.length < Math.max(1, values.backend.length)) {
    throw new Error(`--backend takes one of: ${BACKENDS.join(', ')}.`);
  }
  if (values.write && values.from === undefined && (values.only.length > 0 || values.backend.length > 0)) {
    throw new Error('--write replaces whole tables: it goes with neither --only nor --backend.');
  }
  const { only, quick, json, write, from } = values;
  return { only, backends, quick, json, write, from };
}

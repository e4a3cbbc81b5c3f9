import {
  auditTime,
  concatMap,
  endWith,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  map,
  type Observable,
  pairwise,
  startWith,
  takeUntil,
  tap,
} from 'rxjs';
import { InstanceSet } from '../../instances/index.js';
import { printable } from '../../internal/printable.js';
import { everythingOf, type InstanceView, viewOf } from '../../overview/index.js';
import { ageOf } from '../age.js';
import type { Context } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exitCodes.js';
import type { Output } from '../output.js';
import { ownersOf } from '../owners.js';

/** How the command is asked to show instances. */
export interface InstancesOptions {
  readonly watch?: boolean;
  readonly consumers?: boolean;
}

/** An instance, and who holds its node. */
interface Row extends InstanceView {
  readonly owner?: string;
}

/** How often a table is drawn again, at most. */
const REDRAW_MS = 200;

/** Prints the instances of a service as a table, once or whenever it changes. */
export async function instances(context: Context, service: string, options: InstancesOptions): Promise<ExitCode> {
  const { registry, output, terminal } = context;
  const query = { ...everythingOf(service), category: options.consumers ? 'providers,consumers' : 'providers' };
  if (!options.watch) {
    const set = await registry.lookup(query);
    const rows = await firstValueFrom(rowsOf(context, set, query.interface));
    if (output.isJson) for (const row of rows) output.record(row);
    else if (rows.length === 0) output.note('Nobody provides it.');
    else for (const line of tableOf(output, rows)) output.line(line);
    return EXIT_CODES.ok;
  }
  const sets = registry.instances(query);
  const shown: Observable<unknown> = output.isLive
    ? sets.pipe(
        auditTime(REDRAW_MS),
        concatMap((set) => rowsOf(context, set, query.interface)),
        tap((rows) => output.redraw([`${rows.length} instances of ${printable(service)}`, ...tableOf(output, rows)])),
      )
    : sets.pipe(
        startWith(new InstanceSet()),
        pairwise(),
        tap(([before, set]) => printChanges(output, before, set)),
      );
  await lastValueFrom(shown.pipe(ignoreElements(), takeUntil(terminal.interrupts), endWith(undefined)));
  return EXIT_CODES.ok;
}

function rowsOf({ registry, root }: Context, set: InstanceSet, service: string): Observable<Row[]> {
  return ownersOf(registry, root, service).pipe(
    map((owners) =>
      [...set]
        .map((url): Row => {
          const view = viewOf(url);
          const owner = owners.get(view.key);
          return owner === undefined ? view : { ...view, owner };
        })
        .sort((a, b) => compare(b.category, a.category) || compare(a.address, b.address)),
    ),
  );
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

const COLUMNS = ['ADDRESS', 'PROTOCOL', 'WEIGHT', 'ZONE', 'GROUP', 'VERSION', 'APPLICATION', 'AGE', 'OWNER', 'STATE'];

function tableOf(output: Output, rows: readonly Row[]): string[] {
  const nowMs = Date.now();
  return output.table(
    COLUMNS,
    rows.map((row) => [
      row.address,
      row.protocol,
      row.weight === undefined ? '' : String(row.weight),
      row.zone ?? '',
      row.group ?? '',
      row.version ?? '',
      row.application ?? '',
      ageOf(row.since, nowMs),
      row.owner ?? '',
      row.off ? 'off' : '',
    ]),
  );
}

function printChanges(output: Output, before: InstanceSet, set: InstanceSet): void {
  for (const { before: was, after } of set.changesSince(before)) {
    const type = was === undefined ? 'add' : after === undefined ? 'delete' : 'update';
    const view = viewOf((after ?? was)!);
    if (output.isJson) output.record({ type, ...view });
    else output.line(`${type.padEnd(6)}  ${tableOf(output, [view])[1]!}`);
  }
}

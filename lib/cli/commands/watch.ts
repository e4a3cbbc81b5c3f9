import { endWith, ignoreElements, lastValueFrom, merge, takeUntil, tap } from 'rxjs';
import type { ServiceEvent } from '../../instances/index.js';
import { shownError } from '../../internal/legible.js';
import { printable } from '../../internal/printable.js';
import { changedParameters, everythingOf, viewOf } from '../../overview/index.js';
import type { ConnectionState } from '../../port/index.js';
import type { Colour, Output } from '../output.js';
import type { Context } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exitCodes.js';

/** Prints what happens to a service, or to all of them, until it is stopped. */
export async function watch({ registry, output, terminal }: Context, service = '*'): Promise<ExitCode> {
  const events = registry.subscribe(everythingOf(service), { synced: true }).pipe(
    tap((event) => {
      if (event.type === 'synced') printSynced(output);
      else printEvent(output, event);
    }),
  );
  const states = registry.states.pipe(tap((state) => printState(output, state)));
  const warnings = registry.warnings.pipe(
    tap(({ code, message }) => output.note(`warning: ${printable(message, 2_000)} (${code})`)),
  );
  const all = merge(events, states, warnings).pipe(ignoreElements());
  await lastValueFrom(all.pipe(takeUntil(terminal.interrupts), endWith(undefined)));
  return EXIT_CODES.ok;
}

const COLOURS: Readonly<Record<ServiceEvent['type'], Colour>> = { add: 'good', update: 'change', delete: 'bad' };

function printEvent(output: Output, event: ServiceEvent): void {
  const at = new Date();
  const view = viewOf(event.service);
  const changes = event.type === 'update' ? changedParameters(event.previous, event.service) : [];
  if (output.isJson) {
    output.record({ at: at.toISOString(), type: event.type, ...view, ...(changes.length > 0 && { changes }) });
    return;
  }
  const changed = changes.map(({ name, before = 'none', after = 'none' }) => `${name}: ${before} → ${after}`);
  const { category, protocol, address, service, group, version } = view;
  const key = `${group ? `${group}/` : ''}${service}${version ? `:${version}` : ''}`;
  const kind = category === 'providers' ? 'provider' : 'consumer';
  const what = printable([kind, `${protocol}://${address}`, key, ...changed].join('  '), 2_000);
  output.line(`${clock(output, at)} ${output.paint(COLOURS[event.type], event.type.padEnd(6))} ${what}`);
}

function printSynced(output: Output): void {
  if (output.isJson) output.record({ at: new Date().toISOString(), type: 'synced' });
  else output.line(`${clock(output, new Date())} ${output.paint('quiet', 'synced  that is all there is now')}`);
}

function printState(output: Output, state: ConnectionState): void {
  const at = new Date();
  const cause = 'cause' in state ? state.cause : undefined;
  if (output.isJson) {
    const shown = cause && { cause: shownError(cause) };
    output.record({ at: at.toISOString(), type: 'connection', status: state.status, ...shown });
    return;
  }
  const why = cause ? `: ${printable(cause.message)}` : '';
  output.line(`${clock(output, at)} ${output.paint('name', `connection is ${state.status}`)}${why}`);
}

function clock(output: Output, at: Date): string {
  return output.paint('quiet', at.toISOString().slice(11, 23));
}

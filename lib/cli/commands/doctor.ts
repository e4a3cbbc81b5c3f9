import { diagnose, type Diagnosis, type Finding, type Severity } from '../../doctor/index.js';
import { printable } from '../../internal/printable.js';
import type { Context } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exitCodes.js';
import type { Colour, Output } from '../output.js';

/** How the doctor is asked to look. */
export interface DoctorOptions {
  readonly dial?: boolean;
  readonly write?: boolean;
  readonly strict?: boolean;
}

/** Prints what is so and what is wrong with a registry. */
export async function doctor(context: Context, { dial, write, strict = false }: DoctorOptions): Promise<ExitCode> {
  const { address, registry, timeoutMs, output } = context;
  const diagnosis = await diagnose({ address, registry, timeoutMs, dial, write });
  const { facts, findings } = diagnosis;
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.filter(({ severity }) => severity === 'warning').length;
  if (output.isJson) {
    output.record({ type: 'facts', ...facts });
    for (const finding of findings) output.record({ type: 'finding', ...finding });
    output.record({ type: 'verdict', errors, warnings });
  } else {
    printFacts(output, diagnosis);
    for (const finding of findings) printFinding(output, finding);
    output.line();
    output.line(
      findings.length === 0
        ? output.paint('good', 'Nothing is wrong.')
        : `${counted(errors, 'error')}, ${counted(warnings, 'warning')}`,
    );
  }
  return errors > 0 || (strict && warnings > 0) ? EXIT_CODES.findings : EXIT_CODES.ok;
}

function printFacts(output: Output, { facts: { servers, session, latencyMs, contents } }: Diagnosis): void {
  const line = (name: string, text: string): void => output.line(`${output.paint('quiet', name.padEnd(9))} ${text}`);
  for (const { address, connectMs, version, watches } of servers) {
    const parts = [
      address,
      connectMs === undefined ? 'does not answer' : `accepts connections in ${connectMs} ms`,
      ...(version ? [`version ${version}`, `watches ${watches}`] : []),
    ];
    line('server', printable(parts.join(', ')));
  }
  if (session) line('session', `${session.askedMs} ms asked for, ${session.grantedMs} ms granted`);
  if (latencyMs !== undefined) line('latency', `${latencyMs} ms`);
  if (contents) {
    const { services, providers, consumers } = contents;
    line('contents', `${services} services, ${providers} providers, ${consumers} consumers`);
  }
}

const COLOURS: Readonly<Record<Severity, Colour>> = { error: 'bad', warning: 'change', info: 'name' };

function printFinding(output: Output, { id, severity, count, spots, meaning, advice }: Finding): void {
  output.line();
  output.line(
    `${output.paint(COLOURS[severity], severity)} ${output.paint('strong', id)}${count > 1 ? ` (${count})` : ''}`,
  );
  for (const { where, detail } of spots)
    output.line(`  at    ${printable(detail ? `${where}: ${detail}` : where, 1_000)}`);
  if (count > spots.length) output.line(`        and ${count - spots.length} more`);
  output.line(`  means ${meaning}`);
  output.line(`  do    ${advice}`);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

import { EVERYTHING, type ServiceSummary, summarize } from '../../overview/index.js';
import type { Context } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exitCodes.js';

/** Prints which services there are, and how many provide and consume each. */
export async function services({ registry, output }: Context): Promise<ExitCode> {
  const summaries = summarize(await registry.lookup(EVERYTHING));
  if (output.isJson) for (const summary of summaries) output.record(summary);
  else if (summaries.length === 0) output.note('There is no service.');
  else for (const line of output.table(COLUMNS, summaries.map(rowOf))) output.line(line);
  return EXIT_CODES.ok;
}

const COLUMNS = ['SERVICE', 'PROVIDERS', 'CONSUMERS', 'GROUPS', 'VERSIONS', 'APPLICATIONS'];

function rowOf({ service, providers, consumers, groups, versions, applications }: ServiceSummary): string[] {
  const lists = [groups, versions, applications].map((list) => list.map((each) => each || '-').join(', '));
  // A dash says "some have none"; where none has any, the column says nothing.
  return [service, String(providers), String(consumers), ...lists.map((list) => (list === '-' ? '' : list))];
}

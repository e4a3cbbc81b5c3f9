import { format, resolveConfig } from 'prettier';
import type { Safeguard } from './safeguard.js';

/** The list as a page. */
export async function render(safeguards: readonly Safeguard[], file: string): Promise<string> {
  const rows = safeguards.map(({ name, without, file: where, spec, title }) =>
    [name, without, `\`${where}\``, `\`${spec}\`: ${title}`].map(cell).join(' | '),
  );
  const page = `# Safeguards

Each line is something in the code that is there because of a fault, and the spec that fails as soon as it is taken away.
\`npm run test:safeguards\` takes one after another out of a copy of the tree, and demands that very spec to fail; the list is
made of its table, \`spec/safeguards/safeguards.ts\`. \`npm run test:safeguards -- jitter\` tries those with that word in their name.

| safeguard | without it | where | spec that fails |
| --- | --- | --- | --- |
${rows.map((row) => `| ${row} |`).join('\n')}
`;
  return format(page, { ...(await resolveConfig(file)), parser: 'markdown' });
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '\\<');
}

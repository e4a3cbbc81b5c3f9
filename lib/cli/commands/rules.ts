import { printable } from '../../internal/printable.js';
import type { Context } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exitCodes.js';
import { keysOf } from './config.js';

/** A governance rule: a value of the configuration centre, or a node of the registry. */
interface Rule {
  readonly kind: string;
  /** Whom it is for: an application, or a service. */
  readonly target: string;
  /** The key that holds it, or the category of its node. */
  readonly source: string;
  readonly content: string;
}

/** `application.kind`, or `interface:version:group.kind`, whose empty ends say nothing. */
const KIND_OF_KEY = /^(.+?):*\.(configurators|condition-router|tag-router)$/;

/** Prints the rules that consoles have published, in the configuration centre and as nodes of the registry. */
export async function rules(context: Context): Promise<ExitCode> {
  const { output } = context;
  const all = [...(await rulesByKey(context)), ...(await rulesAsNodes(context))];
  if (output.isJson) {
    for (const rule of all) output.record(rule);
    return EXIT_CODES.ok;
  }
  if (all.length === 0) output.note('There is no rule.');
  for (const { kind, target, source, content } of all) {
    output.line(
      `${output.paint('strong', printable(`${kind}  ${target}`))}  ${output.paint('quiet', printable(source))}`,
    );
    for (const line of content.trimEnd().split('\n')) output.line(`    ${printable(line)}`);
  }
  return EXIT_CODES.ok;
}

async function rulesByKey(context: Context): Promise<Rule[]> {
  const keys = (await keysOf(context, undefined)).flatMap((key) => {
    const [, target, kind] = KIND_OF_KEY.exec(key) ?? [];
    return target && kind ? [{ key, target, kind }] : [];
  });
  const config = context.config();
  const values = await Promise.all(keys.map(({ key }) => config.get(key)));
  return keys.flatMap(({ key, target, kind }, at) => {
    const { content } = values[at]!;
    return content === undefined ? [] : [{ kind, target, source: key, content }];
  });
}

async function rulesAsNodes({ registry }: Context): Promise<Rule[]> {
  const category = 'configurators,routers';
  const query = { interface: '*', group: '*', version: '*', category, enabled: '*' };
  return [...(await registry.lookup(query))]
    .map((url) => ({ kind: url.protocol, target: url.serviceKey, source: url.category, content: url.toString() }))
    .sort((a, b) => (a.target < b.target ? -1 : 1));
}

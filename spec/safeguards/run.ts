import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { render } from './render.js';
import { SAFEGUARDS } from './safeguards.js';
import { ROOT, Workshop } from './workshop.js';

// Takes one safeguard after another away and demands that its spec fails; with words, only those that have one in their name;
// with `--shard 2/3`, every third of them, beginning with the second.
const { values, positionals: words } = parseArgs({
  options: { shard: { type: 'string', default: '1/1' } },
  allowPositionals: true,
});
const [shard = NaN, shards = NaN] = values.shard.split('/').map(Number);
if (!(shard >= 1 && shard <= shards)) throw new Error(`Expected --shard as 2/3, not ${values.shard}.`);
const wanted = SAFEGUARDS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word))).filter(
  (_, index) => index % shards === shard - 1,
);
const isWhole = wanted.length === SAFEGUARDS.length;
const flaws: string[] = [];
const say = (text: string): void => void process.stdout.write(`${text}\n`);

await using workshop = await Workshop.open();

for (const project of ['unit', 'realtime', 'servers'] as const) {
  const some = wanted.filter((each) => each.project === project);
  if (some.length === 0) continue;
  const outcomes = await workshop.run(
    project,
    [...new Set(some.map(({ spec }) => spec))],
    some.map(({ title }) => title),
  );
  for (const { title, spec } of some) {
    if (outcomes.get(title) !== 'passed')
      flaws.push(`does not pass as it is (${outcomes.get(title) ?? 'not run'}): ${spec}: ${title}`);
  }
  say(`${project}: ${outcomes.size} specs, with every safeguard in its place`);
}

for (const safeguard of wanted) {
  const { name, project, spec, title } = safeguard;
  const begun = performance.now();
  const outcome = await workshop
    .without(safeguard, async () => (await workshop.run(project, [spec], [title])).get(title) ?? 'not run')
    .catch((error: unknown) => String(error));
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  say(`${outcome === 'failed' ? 'missed' : 'NOT MISSED'}  ${name}  (${seconds} s)`);
  if (outcome !== 'failed') flaws.push(`nobody misses ${name} (${outcome}): ${spec}: ${title}`);
}

if (isWhole) {
  const page = join(ROOT, 'docs', 'safeguards.md');
  await writeFile(page, await render(SAFEGUARDS, page));
}
say(`${wanted.length - flaws.length} of ${wanted.length} safeguards are missed by their spec`);
for (const flaw of flaws) say(`- ${flaw}`);
process.exitCode = flaws.length > 0 ? 1 : 0;

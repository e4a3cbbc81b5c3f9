// `npm run -s example` lists the examples; `npm run -s example NAME [registry address]` runs one.
import { readdirSync } from 'node:fs';

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();
const [name, ...rest] = process.argv.slice(2);

if (name === undefined) {
  console.log(names.join('\n'));
} else if (names.includes(name)) {
  process.argv.splice(2, Infinity, ...rest);
  await import(`./${name}.ts`);
} else {
  console.error(`There is no example ${JSON.stringify(name)}. There are:\n${names.join('\n')}`);
  process.exitCode = 1;
}

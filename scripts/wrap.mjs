// Gives the CommonJS that was built a door for `import`: each entry of package.json gets a module that passes on what the
// CommonJS one exports. So there is one copy of everything, however many parts of a program import or require it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';

const require = createRequire(import.meta.url);
const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));

writeFileSync('dist/package.json', '{ "type": "commonjs", "sideEffects": false }\n');
for (const entry of Object.values(exports)) {
  if (typeof entry === 'string') continue;
  const commonJs = entry.require.default;
  const names = Object.keys(require(resolve(commonJs))).sort();
  const file = `./${basename(commonJs)}`;
  writeFileSync(entry.import.default, `export {\n${names.map((name) => `  ${name},\n`).join('')}} from '${file}';\n`);
  writeFileSync(entry.import.types, `export * from '${file}';\n`);
}

// Programs that are compiled without the types of Node.js and for an older `lib` do not know what `using` needs.
for (const name of readdirSync('dist', { recursive: true })) {
  if (!name.endsWith('.d.ts')) continue;
  const file = join('dist', name);
  const text = readFileSync(file, 'utf8');
  if (/\bDisposable\b|\bAsyncDisposable\b|Symbol\.(?:d|asyncD)ispose/.test(text)) {
    writeFileSync(file, `/// <reference lib="esnext.disposable" />\n${text}`);
  }
}

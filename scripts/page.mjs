// Puts the page of the dashboard into one module, so that whoever installs the package, or bundles it, has no file to serve:
// lib/dashboard/page/ becomes lib/dashboard/page.ts. `--check` says whether that is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const FOLDER = 'lib/dashboard/page';
const TARGET = 'lib/dashboard/page.ts';

async function bundled(entry) {
  const { outputFiles } = await build({
    entryPoints: [`${FOLDER}/${entry}`],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    charset: 'utf8',
  });
  return outputFiles[0].text.trim();
}

const body = readFileSync(`${FOLDER}/body.html`, 'utf8').replace(/>\s+</g, '><').trim();
const parts = { BODY: body, STYLE: await bundled('style.css'), SCRIPT: await bundled('main.ts') };
for (const [name, text] of Object.entries(parts)) {
  if (/<\/(?:script|style)/i.test(text)) throw new Error(`${name} would end its own element.`);
}
const lines = Object.entries(parts).map(([name, text]) => `export const ${name} =\n  ${JSON.stringify(text)};\n`);
const module = `// Written by scripts/page.mjs from ${FOLDER}/: do not edit.\n\n${lines.join('\n')}`;
if (!process.argv.includes('--check')) writeFileSync(TARGET, module);
else if (readFileSync(TARGET, 'utf8') !== module) {
  console.error(`${TARGET} is not what ${FOLDER}/ gives: run node scripts/page.mjs.`);
  process.exitCode = 1;
}

import { existsSync } from 'node:fs';
import { copyFile, lstat, readdir, readlink, rename, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { unpackDebianPackages } from './debianPackages.js';
import { findExecutable, isExecutable } from './findExecutable.js';
import { runProgram } from './runProgram.js';
import { cached, inCache, withTemporaryFolder } from './serverCache.js';

/** The older one first: it needs the older system libraries. */
const PACKAGES = [
  { suite: 'bookworm', name: 'openjdk-17-jre-headless' },
  { suite: 'trixie', name: 'openjdk-21-jre-headless' },
];

/** Finds the program `java`: in `JAVA_HOME`, else on `PATH`, else in the cache. Throws where there is none. */
export function javaRuntime(): string {
  const java = javaOfMachine() ?? programIn(inCache('java'));
  if (!isExecutable(java)) throw new Error('There is no Java: `npm run servers` gets it.');
  return java;
}

/**
 * Gets a Java runtime into the cache, from Debian's packages, unless the machine has one.
 *
 * @param report - is told what takes long
 */
export async function fetchJava(report: (line: string) => void): Promise<void> {
  if (javaOfMachine()) return;
  await cached(inCache('java'), async (target) => {
    report('Java: fetching a Debian package of about 44 MB…');
    await unpackJava(target).catch((cause: unknown) => {
      throw new Error(HOW_TO_GET, { cause });
    });
  });
}

const HOW_TO_GET =
  `There is no Java and its Debian package could not be downloaded. ` +
  `Either, as root, run \`apt-get update && apt-get install default-jre-headless\`, or set JAVA_HOME to a Java runtime (11 or later).`;

function javaOfMachine(): string | undefined {
  const home = process.env['JAVA_HOME'];
  return home && isExecutable(programIn(home)) ? programIn(home) : findExecutable('java');
}

function programIn(home: string): string {
  return join(home, 'bin', 'java');
}

async function unpackJava(target: string): Promise<void> {
  const failures: unknown[] = [];
  for (const { suite, name } of PACKAGES) {
    try {
      return await withTemporaryFolder(async (root) => {
        await unpackDebianPackages(suite, [name], root);
        await keepRuntime(root, target);
      });
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

async function keepRuntime(root: string, target: string): Promise<void> {
  const machines = join(root, 'usr', 'lib', 'jvm');
  const folders = (await readdir(machines, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const name = folders.map((entry) => entry.name).find((entry) => isExecutable(programIn(join(machines, entry))));
  if (!name) throw new Error(`Debian's package holds no bin/java`);
  const runtime = join(machines, name);
  await replaceAbsoluteLinks(runtime, root);
  // A library that the package depends on may be missing.
  await runProgram(programIn(runtime), ['-version']);
  await rm(target, { recursive: true });
  await rename(runtime, target);
}

/** Debian keeps the settings in /etc and links to them: an unpacked package needs them in place. */
async function replaceAbsoluteLinks(folder: string, root: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await replaceAbsoluteLinks(path, root);
    if (!entry.isSymbolicLink()) continue;
    const link = await readlink(path);
    if (!isAbsolute(link)) continue;
    await rm(path);
    const original = join(root, link);
    if (existsSync(original) && (await lstat(original)).isFile()) await copyFile(original, path);
  }
}

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, lstat, readdir, readlink, rename, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { unpackDebianPackages } from './debianPackages.js';
import { findExecutable, isExecutable } from './findExecutable.js';
import { cached, withTemporaryFolder } from './serverCache.js';

/** Debian 12 has the first, Debian 13 the second. */
const PACKAGES = ['openjdk-17-jre-headless', 'openjdk-21-jre-headless'];

/**
 * Finds the program `java`: in `JAVA_HOME`, else on `PATH`, else in the cache, which is filled from Debian's package.
 *
 * @param report - is told what takes long
 */
export async function javaRuntime(report: (line: string) => void = () => {}): Promise<string> {
  const home = process.env['JAVA_HOME'];
  if (home && isExecutable(join(home, 'bin', 'java'))) return join(home, 'bin', 'java');
  const onPath = findExecutable('java');
  if (onPath) return onPath;
  const folder = await cached('java', async (target) => {
    await fetchJava(target, report).catch((cause: unknown) => {
      throw new Error(HOW_TO_GET, { cause });
    });
  });
  return join(folder, 'bin', 'java');
}

const HOW_TO_GET =
  `There is no Java and its Debian package could not be downloaded. ` +
  `Either, as root, run \`apt-get update && apt-get install default-jre-headless\`, or set JAVA_HOME to a Java runtime (11 or later).`;

async function fetchJava(target: string, report: (line: string) => void): Promise<void> {
  report('Java: fetching a Debian package of about 44 MB…');
  await withTemporaryFolder(async (root) => {
    await unpackFirstAvailable(root);
    const machines = join(root, 'usr', 'lib', 'jvm');
    const folders = (await readdir(machines, { withFileTypes: true })).filter((entry) => entry.isDirectory());
    const name = folders.map((entry) => entry.name).find((entry) => isExecutable(join(machines, entry, 'bin', 'java')));
    if (!name) throw new Error(`Debian's package holds no bin/java`);
    const runtime = join(machines, name);
    await replaceAbsoluteLinks(runtime, root);
    // A library that the package depends on may be missing.
    await promisify(execFile)(join(runtime, 'bin', 'java'), ['-version']);
    await rm(target, { recursive: true });
    await rename(runtime, target);
  });
}

async function unpackFirstAvailable(root: string): Promise<void> {
  const failures: unknown[] = [];
  for (const name of PACKAGES) {
    try {
      return await unpackDebianPackages([name], root);
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
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

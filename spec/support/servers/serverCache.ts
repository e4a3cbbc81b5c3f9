import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder that keeps fetched servers between runs: `RX_REGISTRY_SERVERS`, else a folder in the user's cache. */
export function serverCache(): string {
  const { RX_REGISTRY_SERVERS, XDG_CACHE_HOME } = process.env;
  return RX_REGISTRY_SERVERS || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'rx-registry', 'servers');
}

/**
 * Returns the folder `name` of the cache; if there is none, has it built.
 *
 * It is built elsewhere and renamed, so that what has the name is complete, also when two processes build at once.
 */
export async function cached(name: string, build: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(serverCache(), name);
  if (existsSync(folder)) return folder;
  await withTemporaryFolder(async (temporary) => {
    await build(temporary);
    await rename(temporary, folder).catch((error: unknown) => {
      // Another process has finished first; its result is as good as ours.
      if (!existsSync(folder)) throw error;
    });
  });
  return folder;
}

/** Lends an empty folder on the file system of the cache and removes it afterwards. */
export async function withTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(serverCache(), `.${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

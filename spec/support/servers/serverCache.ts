import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { onProcessEnd } from './onProcessEnd.js';

/** The folder that keeps fetched servers between runs: `RX_REGISTRY_SERVERS`, else a folder in the user's cache. */
export function serverCache(): string {
  const { RX_REGISTRY_SERVERS, XDG_CACHE_HOME } = process.env;
  return RX_REGISTRY_SERVERS || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'rx-registry', 'servers');
}

/** Where the folder `name` of the cache is, or would be. */
export function inCache(name: string): string {
  return join(serverCache(), name);
}

/**
 * Returns a folder of the cache; if there is none, or it shall be renewed, has it built.
 *
 * It is built elsewhere and renamed, so that what has the name is complete, also when two processes build at once.
 */
export async function cached(
  folder: string,
  build: (folder: string) => Promise<void>,
  { renew = false }: { readonly renew?: boolean } = {},
): Promise<string> {
  if (existsSync(folder) && !renew) return folder;
  await withTemporaryFolder(async (temporary) => {
    await build(temporary);
    if (renew) await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder).catch((error: unknown) => {
      // Another process has finished first; its result is as good as ours.
      if (!existsSync(folder)) throw error;
    });
  });
  return folder;
}

/** Lends an empty folder on the file system of the cache and removes it afterwards. */
export async function withTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeTemporaryFolder();
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes an empty folder that is removed when this process ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await makeTemporaryFolder();
  onProcessEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function makeTemporaryFolder(): Promise<string> {
  const folder = inCache(`.${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  return folder;
}

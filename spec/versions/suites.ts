import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ServerName } from './versions.js';

/** The suites that run on every version, beside the contract. */
export const CORE_SUITES = ['outages', 'sessions', 'registration', 'discovery'] as const;

/** All suites that run on a kind of server: one is a file of specs. */
export function suitesOf(name: ServerName): string[] {
  const folder = fileURLToPath(new URL(`../integration/${name.toLowerCase()}`, import.meta.url));
  return readdirSync(folder).flatMap((file) => suiteIn(file) ?? []);
}

/** The suite in a file, if it is a file of specs: whether it is slow is no part of its name. */
export function suiteIn(file: string): string | undefined {
  return /^(.+?)(-slow)?-spec\.ts$/.exec(file)?.[1];
}

/** Whether it is a part of the contract that every backend passes. */
export function isContract(suite: string): boolean {
  return suite.startsWith('contract');
}

import type { networkInterfaces } from 'node:os';

/** What is known of the process and the machine it runs on. */
export interface Host {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly networkInterfaces: typeof networkInterfaces;
}

/**
 * What Node.js, Bun and Deno tell of themselves. In a browser there is no process: the id is 0, and no network is known.
 *
 * Nothing of Node.js is imported, so that what runs in a browser can be bundled for one.
 */
export function host(): Host {
  const { process } = globalThis as { process?: NodeJS.Process | undefined };
  const os = process?.getBuiltinModule?.('node:os');
  return {
    pid: process?.pid ?? 0,
    env: process?.env ?? {},
    networkInterfaces: () => os?.networkInterfaces() ?? {},
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { asyncScheduler, firstValueFrom } from 'rxjs';
import { fileCache } from '../../../lib/cache/fileCache.js';
import { KeptCopies } from '../../../lib/cache/index.js';

/** What {@link killWriters} found. */
export interface KillReport {
  readonly kills: number;
  /** How many states were written. */
  readonly states: number;
  /** How often a state was read that was written, but not yet acknowledged. */
  readonly newer: number;
  readonly problems: readonly string[];
}

/** Each state has so many items, of so many characters: large enough that it takes several writes. */
const ITEMS = 500;
const ITEM_LENGTH = 4_000;
/** A writer is killed within that time of its first state. */
const LONGEST_MS = 300;

/** Kills a process in the middle of writing, reads what it has left, and again. */
export async function killWriters(kills: number): Promise<KillReport> {
  const folder = mkdtempSync(join(tmpdir(), 'kill-'));
  const problems: string[] = [];
  let last = -1;
  let newer = 0;
  try {
    const writer = join(folder, 'writer.mjs');
    await build({
      entryPoints: ['spec/cache/kill/writer.ts'],
      outfile: writer,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
    });
    const cached = join(folder, 'cache');
    for (let kill = 0; kill < kills; kill++) {
      const acknowledged = await killedWriter(writer, cached, last + 1, problems);
      const state = await readState(cached, problems);
      const least = acknowledged ?? last;
      if (state !== least && state !== least + 1)
        problems.push(`kill ${kill}: read ${state}, expected ${least} or the next`);
      newer += Number(state === least + 1);
      last = state ?? least;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { kills, states: last + 1, newer, problems };
}

/** The newest state that a writer acknowledged before it was killed. */
async function killedWriter(
  writer: string,
  folder: string,
  first: number,
  problems: string[],
): Promise<number | undefined> {
  const child = spawn(process.execPath, [writer, folder, String(first), String(ITEMS), String(ITEM_LENGTH)]);
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => problems.push(chunk.toString().trim()));
  const closed = once(child, 'close');
  // Not while it starts: there is nothing to be seen.
  await once(child.stdout, 'data');
  await sleep(Math.random() * LONGEST_MS);
  child.kill('SIGKILL');
  await closed;
  const states = printed.split('\n').slice(0, -1);
  return states.length > 0 ? Number(states.at(-1)) : undefined;
}

/** The state that a process reads which starts now, whole. */
async function readState(folder: string, problems: string[]): Promise<number | undefined> {
  const copies = new KeptCopies(fileCache(folder, { afterMs: 0 }), {
    registry: 'kill',
    scheduler: asyncScheduler,
    isConnected: () => false,
    isClosing: () => false,
    warn: (code, message) => problems.push(`${code} ${message}`),
  });
  const copy = await firstValueFrom(
    copies.read(
      'query',
      (text) => text,
      () => false,
    ),
    { defaultValue: undefined },
  );
  const state = Number(/^state (\d+), item 0 *$/.exec(copy?.items[0] ?? '')?.[1]);
  const isWhole =
    copy?.items.length === ITEMS &&
    copy.items.every((item, index) => item === `state ${state}, item ${index}`.padEnd(ITEM_LENGTH));
  if (!isWhole) problems.push(`what was read is not one whole state`);
  return isWhole ? state : undefined;
}

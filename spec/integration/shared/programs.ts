import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs an example on real servers; resolves with what it printed, and rejects if it failed. */
export async function runExample(name: string, ...addresses: string[]): Promise<string> {
  const args = ['--import', 'tsx', 'examples/run.ts', name, ...addresses];
  const { stdout } = await run(process.execPath, args, { timeout: 150_000 });
  return stdout;
}

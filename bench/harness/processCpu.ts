import { readdirSync, readFileSync } from 'node:fs';

/** How much CPU a process has used, in milliseconds, as its threads that are alive tell; only Linux tells. */
export function processCpuMs(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const threads = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for (const thread of readdirSync(threads)) {
    try {
      nanoseconds += Number(readFileSync(`${threads}/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return nanoseconds / 1e6;
}

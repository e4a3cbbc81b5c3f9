/** What a piece of work took in this process. */
export interface Took {
  readonly ms: number;
  /** Of all threads, in user and system. */
  readonly cpuMs: number;
}

/** Does some work and tells what it took. */
export async function measured<T>(work: () => Promise<T>): Promise<Took & { readonly value: T }> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const value = await work();
  return { ms: performance.now() - began, cpuMs: cpuMsSince(cpu), value };
}

/** Milliseconds of CPU since a `process.cpuUsage()`. */
export function cpuMsSince(earlier: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(earlier);
  return (user + system) / 1_000;
}

/** Milliseconds of a clock that never jumps and is the same in all processes of this machine. */
export function sharedClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The CPU time that this process has used so far: work of other processes does not count, as it does on a clock. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

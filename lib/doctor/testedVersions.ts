/** The lines of servers that the specs of this package have passed on: see docs/tested-versions.md. */
export const TESTED_LINES: Readonly<Record<string, readonly string[]>> = {
  etcd: ['3.4', '3.5', '3.6'],
  zookeeper: ['3.5', '3.6', '3.7', '3.8', '3.9'],
};

/** The line that a version belongs to: `3.9` for `3.9.3`. */
export function lineOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** Whether a version is of that line or of a later one. */
export function isFrom(version: string, line: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [fromMajor = 0, fromMinor = 0] = line.split('.').map(Number);
  return major > fromMajor || (major === fromMajor && minor >= fromMinor);
}

import { RegistryError } from '../errors.js';
import { quoted } from './quoted.js';

/**
 * What ZooKeeper refuses in a path (source: its `PathUtils.validatePath`).
 *
 * etcd would take it, but a name that works on one backend shall work on all.
 */
export const UNFIT_FOR_PATHS = /[\p{Cc}\p{Cs}\u{E000}-\u{F8FF}\u{FFF0}-\u{FFFF}\u{10000}-\u{10FFFF}]/u;

/**
 * Refuses what no backend can hold as a path: relative, empty or dotted segments, a trailing slash, control characters.
 *
 * @throws RegistryError with `INVALID_PATH`.
 */
export function checkPath(path: string): void {
  const flaw = flawOf(path);
  if (flaw) throw new RegistryError('INVALID_PATH', `Expected an absolute path, got ${quoted(String(path))}: ${flaw}.`);
}

function flawOf(path: string): string | undefined {
  if (typeof path !== 'string' || !path.startsWith('/')) return 'it does not start with "/"';
  if (path === '/') return undefined;
  if (UNFIT_FOR_PATHS.test(path)) return 'it has a control or unassignable character';
  if (path.endsWith('/')) return 'it ends with "/"';
  if (path.includes('//')) return 'it has an empty segment';
  if (/\/\.\.?(\/|$)/.test(path)) return 'it has a relative segment';
  return undefined;
}

/** The path of the directory that holds a path; `/` for what stands at the top. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** The last segment of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The path of a child. */
export function childOf(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/**
 * Refuses to move a node to another directory, or onto itself.
 *
 * @throws RegistryError with `INVALID_PATH` or `CONFLICT`.
 */
export function checkMove(from: string, to: string): void {
  checkPath(from);
  if (parentOf(from) === parentOf(to) && from !== to) return;
  throw new RegistryError('CONFLICT', `${quoted(from)} can only be moved within its directory, not to ${quoted(to)}.`);
}

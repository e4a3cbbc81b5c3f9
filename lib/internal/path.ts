import { RegistryError } from '../errors.js';
import { quoted } from './quoted.js';

/**
 * Refuses what no backend can hold as a path: relative, empty or dotted segments, a trailing slash, control characters.
 *
 * @throws RegistryError with `INVALID_PATH`.
 */
export function checkPath(path: string): void {
  const flaw = flawOf(path);
  if (flaw) throw new RegistryError('INVALID_PATH', `Expected an absolute path, got ${quoted(path)}: ${flaw}.`);
}

function flawOf(path: string): string | undefined {
  if (typeof path !== 'string' || !path.startsWith('/')) return 'it does not start with "/"';
  if (path === '/') return undefined;
  // ZooKeeper refuses these ranges; etcd would take them, and then no one could read them back from ZooKeeper's tools.
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (
    /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/.test(path.replace(/[\ud800-\udbff][\udc00-\udfff]/g, ''))
  ) {
    return 'it has a control or unassignable character';
  }
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

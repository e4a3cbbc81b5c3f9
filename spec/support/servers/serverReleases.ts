import { inCache } from './serverCache.js';

/** The suites of Debian that servers are got from, the newest first. */
const SUITES: readonly string[] = ['sid', 'trixie', 'bookworm'];
const OLDEST_SUITE = 'bookworm';

/** What is installed on the machine. Its version is unknown beforehand, so it is taken only where nothing else can be had. */
const INSTALLED = 'installed';

const VERSION = /^\d+\.\d+\.\d+$/;

/** A kind of server: which releases of it there are, and how to get one into a folder. */
export interface ServerKind {
  readonly name: 'etcd' | 'ZooKeeper';
  /** The environment variable that names a server of the user's own. */
  readonly ownVariable: string;
  /** The environment variable that chooses a release: see {@link sourcesOf}. */
  readonly choiceVariable: string;
  /** The version, or the suite of Debian, that stands for a line of releases such as `3.6`. */
  readonly lines: Readonly<Record<string, string>>;
  /** What a user can do where no source has it. */
  readonly otherWays: string;
  /** What {@link ServerKind.ownVariable} would name, of a release in this folder. */
  locate(folder: string): string;
  /** The version of what was located. Throws if it cannot be used. */
  versionOf(located: string): Promise<string>;
  fromDebian(suite: string, folder: string): Promise<void>;
  fromRelease(version: string, folder: string): Promise<void>;
  fromMachine(folder: string): Promise<void>;
}

/** Where a release comes from. */
export interface Source {
  /** What it is called in the documentation. */
  readonly origin: string;
  /** Its folder in the cache, named after the source: the cache of one release is never taken for another. */
  readonly folder: string;
  readonly get: (folder: string) => Promise<void>;
}

/** The user's own server, if the environment names one. */
export function ownServer(kind: ServerKind): string | undefined {
  const own = process.env[kind.ownVariable] || undefined;
  const choice = process.env[kind.choiceVariable];
  if (own && choice) {
    throw new Error(`${kind.ownVariable}=${own} and ${kind.choiceVariable}=${choice} exclude each other: unset one.`);
  }
  return own;
}

/** What the environment chooses. */
export function choiceOf(kind: ServerKind): string {
  return process.env[kind.choiceVariable] || 'newest';
}

/**
 * The sources of a choice, the best first: `newest` or `oldest` of Debian's packages, a suite such as `trixie`, a line of
 * releases such as `3.6`, or a version such as `3.6.16`.
 */
export function sourcesOf(kind: ServerKind, choice: string): readonly Source[] {
  if (choice === 'newest') return [...SUITES, INSTALLED].map((name) => sourceOf(kind, name));
  if (choice === 'oldest') return [sourceOf(kind, OLDEST_SUITE)];
  const name = kind.lines[choice] ?? choice;
  if (SUITES.includes(name) || VERSION.test(name)) return [sourceOf(kind, name)];
  const known = ['newest', 'oldest', ...Object.keys(kind.lines), ...SUITES].join(', ');
  throw new Error(`There is no ${kind.name} "${choice}": choose one of ${known}, or a version such as 3.5.9.`);
}

/** The command that gets a choice. */
export function commandFor(kind: ServerKind, choice: string): string {
  return choice === 'newest' ? 'npm run servers' : `npm run servers -- ${kind.name.toLowerCase()}=${choice}`;
}

function sourceOf(kind: ServerKind, name: string): Source {
  const folder = inCache(`${kind.name.toLowerCase()}-${name}`);
  if (name === INSTALLED) return { origin: 'installed', folder, get: (into) => kind.fromMachine(into) };
  if (SUITES.includes(name)) return { origin: `Debian ${name}`, folder, get: (into) => kind.fromDebian(name, into) };
  return { origin: 'release', folder, get: (into) => kind.fromRelease(name, into) };
}

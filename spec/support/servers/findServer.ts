import { existsSync } from 'node:fs';
import { serverCache } from './serverCache.js';
import { choiceOf, commandFor, ownServer, type ServerKind, sourcesOf } from './serverReleases.js';

/** A server that specs can start. */
export interface FoundServer {
  /** The program or the folder. */
  readonly path: string;
  readonly origin: string;
}

/**
 * Finds the server that the environment names or chooses; nothing is downloaded.
 *
 * Throws where the cache does not have it. Another release is not taken instead unless the better ones were tried and could not
 * be had.
 */
export function findServer(kind: ServerKind): FoundServer {
  const own = ownServer(kind);
  if (own) return { path: own, origin: kind.ownVariable };
  const choice = choiceOf(kind);
  for (const { folder, origin } of sourcesOf(kind, choice)) {
    if (existsSync(folder)) return { path: kind.locate(folder), origin };
    if (!existsSync(missingNote(folder))) break;
  }
  throw new Error(`There is no ${kind.name} (${choice}) in ${serverCache()}: \`${commandFor(kind, choice)}\` gets it.`);
}

/** The file beside a folder of the cache that says why its source could not be had. */
export function missingNote(folder: string): string {
  return `${folder}.missing`;
}

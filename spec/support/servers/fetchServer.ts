import { mkdir, rm, writeFile } from 'node:fs/promises';
import { missingNote } from './findServer.js';
import { cached, serverCache } from './serverCache.js';
import { type ServerKind, type Source, sourcesOf } from './serverReleases.js';

/** How {@link fetchServer} goes about it. */
export interface FetchOptions {
  /** Is told what takes long. */
  readonly report: (line: string) => void;
  /** Gets it again although the cache has it: suites of Debian move on. */
  readonly renew?: boolean;
}

/** Gets the best release of a choice that can be had into the cache, unless it is there; returns its version. */
export async function fetchServer(kind: ServerKind, choice: string, options: FetchOptions): Promise<string> {
  const failures: Error[] = [];
  for (const source of sourcesOf(kind, choice)) {
    try {
      const folder = await fetchSource(kind, source, options);
      await rm(missingNote(folder), { force: true });
      return await kind.versionOf(kind.locate(folder));
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      failures.push(failure);
      await mkdir(serverCache(), { recursive: true });
      await writeFile(missingNote(source.folder), `${failure.message}\n`);
      options.report(`${kind.name}: not from ${source.origin}`);
    }
  }
  throw new AggregateError(failures, `${kind.name} (${choice}) cannot be had. ${kind.otherWays}`);
}

async function fetchSource(kind: ServerKind, source: Source, { report, renew = false }: FetchOptions): Promise<string> {
  const build = async (folder: string) => {
    report(`${kind.name}: fetching (${source.origin})…`);
    await source.get(folder);
    // It may have been built for another machine.
    await kind.versionOf(kind.locate(folder));
  };
  return cached(source.folder, build, { renew });
}

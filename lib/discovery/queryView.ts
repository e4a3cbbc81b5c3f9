import type { KeptCopy } from '../cache/index.js';
import { instanceKey, serviceMatcher, ServiceUrl, switchFilter } from '../dubbo/index.js';
import type { ServiceEvent } from '../instances/index.js';
import type { DirectoriesEvent } from './directories.js';
import { InstanceTable } from './instanceTable.js';

/** What changed in the answer to a query. */
export interface QueryBatch {
  readonly events: readonly ServiceEvent[];
  /** Up to date whenever it is looked at. */
  readonly table: InstanceTable;
  /** How old it is, where it is what was kept; `undefined` for what the registry tells. */
  readonly keptMs?: number;
}

/** An instance that was kept, with its key. */
export type KeptInstance = readonly [key: string, instance: ServiceUrl];

/** Folds what is told of the directories of a query into its answer. */
export class QueryView {
  readonly #table: InstanceTable;
  readonly #matches: (url: ServiceUrl) => boolean;
  readonly #isOn: (url: ServiceUrl) => boolean;
  readonly #isOnOneDirectory: boolean;
  /** The directories that were not read so far, and those of which a part was told. */
  readonly #awaited = new Set<string>();
  readonly #partial = new Set<string>();
  /** More directories follow as long as a long list of services is read in slices. */
  #isListing = false;
  #isComplete = false;

  /** @param isOnOneDirectory - Whether the query fails with its directory. */
  constructor(query: ServiceUrl, isOnOneDirectory: boolean) {
    this.#isOn = switchFilter(query);
    this.#table = new InstanceTable(this.#isOn);
    this.#matches = serviceMatcher(query);
    this.#isOnOneDirectory = isOnOneDirectory;
  }

  /** Whether the registry has answered. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Tells what was kept, unless the registry has answered by now. */
  tellKept({ items, ageMs }: KeptCopy<KeptInstance | undefined>): QueryBatch | undefined {
    if (this.#isComplete) return undefined;
    const fitting = items.filter((item) => item !== undefined);
    return { events: this.#table.tellKept(fitting), table: this.#table, keptMs: ageMs };
  }

  /** Reads an instance that was kept; `undefined` for one that is no answer to this query. */
  readKept(text: string): KeptInstance | undefined {
    const url = ServiceUrl.parse(text);
    return this.#matches(url) && this.#isOn(url) ? [instanceKey(url), url] : undefined;
  }

  /**
   * Applies an event; `undefined` as long as there is nothing to tell.
   *
   * @throws The error of the only directory, where trying again cannot help.
   */
  apply(event: DirectoriesEvent<ServiceUrl>): QueryBatch | undefined {
    switch (event.type) {
      case 'paths':
        this.#isListing = event.more;
        for (const path of event.added) this.#awaited.add(path);
        for (const [path, values] of event.gone) {
          this.#awaited.delete(path);
          this.#partial.delete(path);
          this.#table.take([], values.filter(this.#matches));
        }
        break;
      case 'batch': {
        const { path, batch } = event;
        if (batch.more) this.#partial.add(path);
        else this.#partial.delete(path);
        if (!batch.more) this.#awaited.delete(path);
        this.#table.take(this.#matching(batch.added), this.#matching(batch.removed));
        break;
      }
      case 'refused':
        if (this.#isOnOneDirectory) throw event.error as Error;
        // One among others is empty as long as it may not be read.
        this.#awaited.delete(event.path);
    }
    return this.#tell();
  }

  #tell(): QueryBatch | undefined {
    // The first set must be complete, and every later one whole: nobody may take a part for all there is.
    const isAwaiting = this.#isListing || this.#awaited.size > 0;
    if (this.#partial.size > 0 || (!this.#isComplete && isAwaiting)) return undefined;
    const events = this.#table.tell();
    if (this.#isComplete && events.length === 0) return undefined;
    this.#isComplete = true;
    return { events, table: this.#table };
  }

  #matching(entries: readonly (readonly [name: string, url: ServiceUrl])[]): ServiceUrl[] {
    return entries.flatMap(([, url]) => (this.#matches(url) ? [url] : []));
  }
}

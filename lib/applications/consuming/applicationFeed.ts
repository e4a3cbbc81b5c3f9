import { defer, filter, map, type Observable, of, scan, switchMap } from 'rxjs';
import { CATEGORIES, isName } from '../../dubbo/index.js';
import { childOf } from '../../internal/path.js';
import { mergeKeys } from '../../internal/mergeKeys.js';
import type { ConnectionState, RegistryNode } from '../../port/index.js';
import { type ApplicationInstance, readInstance } from '../formats/instance.js';
import { followNames } from './followNames.js';
import { followNode, type ReadingOptions } from './followNode.js';
import type { MetadataStore } from './metadataStore.js';
import { ProvidedInstance } from './providedInstance.js';

/** What became of the instances of an application. */
export interface ApplicationBatch {
  /** All that are known with their metadata, by the names of their nodes: live, not a copy. */
  readonly present: ReadonlyMap<string, ProvidedInstance>;
  readonly added: readonly ProvidedInstance[];
  readonly removed: readonly ProvidedInstance[];
  /** Whether every instance that there is was looked at: until then nobody should take this for all of it. */
  readonly settled: boolean;
}

/** How instances are read. */
export interface FeedContext {
  readonly connection: Observable<ConnectionState>;
  readonly options: ReadingOptions;
  readonly metadata: MetadataStore;
}

/** With a group, applications and services share a directory. */
const NO_INSTANCES: ReadonlySet<string> = new Set(CATEGORIES);

/**
 * Follows the instances of an application: who is there with which services, and what changes.
 *
 * The data of each instance is watched, for that is where a change of its services shows. An instance whose next metadata is not
 * there yet stays what it was; one that cannot be read is left out, and the others count. Cold; errors only with the connection.
 */
export function applicationFeed(
  path: string,
  application: string,
  { connection, options, metadata }: FeedContext,
): Observable<ApplicationBatch> {
  const instance = (name: string): Observable<ProvidedInstance | undefined> => {
    const node = childOf(path, name);
    const report = (error: unknown): void => options.onUnreadable(node, error);
    return followNode(connection, node, options).pipe(
      map((found) => found && read(application, found, report)),
      switchMap((found): Observable<ProvidedInstance | 'gone' | 'unknown'> => {
        if (!isProvider(found)) return of('gone');
        return metadata
          .of(found)
          .pipe(
            map((services) => (services ? new ProvidedInstance(found, services, report, options.refine) : 'unknown')),
          );
      }),
      scan((before: ProvidedInstance | undefined, next) => {
        if (next === 'unknown') return before;
        return next === 'gone' ? undefined : next;
      }, undefined),
    );
  };

  return defer(() => {
    const present = new Map<string, ProvidedInstance>();
    const awaited = new Set<string>();
    return followNames(connection, path, (name) => isName(name) && !NO_INSTANCES.has(name), options).pipe(
      mergeKeys(instance),
      map((event): ApplicationBatch => {
        const added: ProvidedInstance[] = [];
        const removed: ProvidedInstance[] = [];
        const set = (name: string, next: ProvidedInstance | undefined): void => {
          const before = present.get(name);
          if (before === next) return;
          if (before) removed.push(before);
          if (next) added.push(next);
          if (next) present.set(name, next);
          else present.delete(name);
        };
        if (event.type === 'keys') {
          for (const name of event.added) awaited.add(name);
          for (const name of event.gone) {
            awaited.delete(name);
            set(name, undefined);
          }
        } else {
          awaited.delete(event.key);
          set(event.key, event.value);
        }
        return { present, added, removed, settled: awaited.size === 0 };
      }),
      filterNews(),
    );
  });
}

/** Lets a batch pass that says something: the first one that is settled, and every change. */
function filterNews(): (source: Observable<ApplicationBatch>) => Observable<ApplicationBatch> {
  return (source) =>
    defer(() => {
      let wasSettled = false;
      return source.pipe(
        filter(({ added, removed, settled }) => {
          const says = added.length + removed.length > 0 || settled !== wasSettled;
          wasSettled = settled;
          return says;
        }),
      );
    });
}

function read(
  application: string,
  node: RegistryNode,
  report: (error: unknown) => void,
): ApplicationInstance | undefined {
  try {
    return readInstance(application, node.data);
  } catch (error) {
    report(error);
    return undefined;
  }
}

function isProvider(
  instance: ApplicationInstance | undefined,
): instance is ApplicationInstance & { readonly revision: string } {
  return instance?.revision !== undefined;
}

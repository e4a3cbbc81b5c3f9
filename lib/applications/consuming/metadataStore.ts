import {
  concat,
  defer,
  finalize,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  switchMap,
  Subject,
  takeWhile,
  throwError,
} from 'rxjs';
import { retryWithBackoff } from '../../connection/index.js';
import { RegistryError } from '../../errors.js';
import { childOf } from '../../internal/path.js';
import { type Kept, kept } from '../../internal/kept.js';
import type { ConnectionState, RegistryNode } from '../../port/index.js';
import type { ApplicationPaths } from '../applicationPaths.js';
import type { ApplicationInstance } from '../formats/instance.js';
import { readMetadata, servicesIn } from '../formats/metadataInfo.js';
import type { PlainObject } from '../formats/plainFields.js';
import type { ServiceInfo } from '../formats/serviceInfo.js';
import { followNode, type ReadingOptions } from './followNode.js';

/**
 * Asks an instance for the metadata of its revision: what Java and dubbo-go do by default, which keep it to themselves.
 *
 * Emits the metadata once, as JSON has it, and completes; errors when the instance does not answer or does not know the revision.
 */
export type MetadataRequest = (instance: ApplicationInstance) => Observable<PlainObject>;

/** What is known of the metadata of a revision: `undefined` as long as there is none. */
export type Metadata = readonly ServiceInfo[] | undefined;

/** The metadata of applications: read once for each application and revision, whoever needs it. */
export class MetadataStore {
  readonly #connection: Observable<ConnectionState>;
  readonly #paths: ApplicationPaths;
  readonly #options: ReadingOptions;
  readonly #request: MetadataRequest | undefined;
  readonly #revisions = new Map<string, Kept<Metadata>>();
  /** Who can be asked for a revision. */
  readonly #instances = new Map<string, Set<ApplicationInstance>>();

  /** @param request - How instances are asked that keep their metadata to themselves; without it they provide nothing. */
  constructor(
    connection: Observable<ConnectionState>,
    paths: ApplicationPaths,
    options: ReadingOptions,
    request?: MetadataRequest,
  ) {
    this.#connection = connection;
    this.#paths = paths;
    this.#options = options;
    this.#request = request;
  }

  /**
   * The metadata of an instance, `undefined` first where it is not there yet, and then once it is.
   *
   * Never changes after that: another content has another revision. Cold, and shared by all instances of a revision.
   */
  of(instance: ApplicationInstance & { readonly revision: string }): Observable<Metadata> {
    const key = `${instance.application}/${instance.revision} ${instance.storage}`;
    return defer(() => {
      const instances = this.#instances.get(key) ?? new Set();
      this.#instances.set(key, instances.add(instance));
      return kept(this.#revisions, key, () => this.#find(instance, instances)).pipe(
        finalize(() => {
          instances.delete(instance);
          if (instances.size === 0) this.#instances.delete(key);
        }),
      );
    });
  }

  #find(
    instance: ApplicationInstance & { readonly revision: string },
    instances: ReadonlySet<ApplicationInstance>,
  ): Observable<Metadata> {
    const inline = this.#inline(instance);
    const found = inline
      ? of(inline)
      : instance.storage === 'remote'
        ? this.#inRegistry(instance)
        : this.#asked(instances);
    // What was found is kept as long as anybody needs it, without a watch.
    return concat(found.pipe(takeWhile((metadata) => metadata === undefined, true)), NEVER);
  }

  /** Java's place first, then dubbo-go's. */
  #inRegistry({ application, revision }: { application: string; revision: string }): Observable<Metadata> {
    const [first, ...others] = this.#paths.metadata.map((directory) =>
      childOf(childOf(directory, application), revision),
    );
    const at = (path: string, rest: readonly string[]): Observable<Metadata> =>
      followNode(this.#connection, path, this.#options).pipe(
        map((node) => node && this.#read(path, node)),
        switchMap((metadata) => {
          const [next, ...further] = rest;
          return metadata || next === undefined ? of(metadata) : at(next, further);
        }),
      );
    return at(first!, others);
  }

  #asked(instances: ReadonlySet<ApplicationInstance>): Observable<Metadata> {
    const { retry, scheduler } = this.#options;
    const request = this.#request;
    if (!request) return of(undefined);
    return defer(() => {
      const failures = new Subject<undefined>();
      const answer = defer(() => {
        const candidates = [...instances];
        const instance = candidates[Math.floor(Math.random() * candidates.length)];
        return instance ? request(instance) : throwError(() => new RegistryError('NO_INSTANCE', 'Nobody to ask.'));
      }).pipe(
        map((metadata) => servicesIn(metadata, (error) => this.#report(instances, error))),
        retryWithBackoff({
          ...retry,
          scheduler,
          isFatal: () => false,
          onRetry: (error) => {
            this.#report(instances, error);
            failures.next(undefined);
          },
        }),
      );
      return merge(failures, answer);
    });
  }

  #report(instances: ReadonlySet<ApplicationInstance>, error: unknown): void {
    const [instance] = instances;
    if (instance) this.#options.onUnreadable(`${instance.application}/${instance.revision}`, error);
  }

  #inline({ inlineMetadata, revision }: ApplicationInstance): Metadata {
    if (!inlineMetadata || inlineMetadata.revision !== revision) return undefined;
    try {
      return servicesIn(inlineMetadata, () => undefined);
    } catch {
      return undefined;
    }
  }

  #read(path: string, node: RegistryNode): Metadata {
    try {
      return readMetadata(node.data, (error) => this.#options.onUnreadable(path, error));
    } catch (error) {
      this.#options.onUnreadable(path, error);
      return undefined;
    }
  }
}

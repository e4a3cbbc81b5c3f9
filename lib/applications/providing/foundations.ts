import { combineLatest, map, type Observable } from 'rxjs';
import { childOf } from '../../internal/path.js';
import { type Kept, kept } from '../../internal/kept.js';
import type { Session } from '../../port/index.js';
import type { ApplicationPaths } from '../applicationPaths.js';
import { withApplication } from '../formats/mapping.js';
import { metadataPaths, type Publication } from './publication.js';
import { standingNode, type Writer } from './standingNode.js';

/**
 * What must stand in the registry before an instance does, in one connection: its metadata, and the mapping of its interfaces.
 *
 * A Java consumer that finds an instance without its metadata blocks for three seconds and then drops it. What several instances
 * need is written and watched once.
 */
export class Foundations {
  readonly #session: Session;
  readonly #paths: ApplicationPaths;
  readonly #writer: Writer;
  readonly #nodes = new Map<string, Kept<unknown>>();

  constructor(session: Session, paths: ApplicationPaths, writer: Writer) {
    this.#session = session;
    this.#paths = paths;
    this.#writer = writer;
  }

  /** Emits once all of it stands, and keeps it so until unsubscribed. Errors with what the server says. */
  of(application: string, { revision, metadata, interfaces }: Publication): Observable<void> {
    const nodes = [
      ...metadataPaths(this.#paths, application, revision).map((path) =>
        this.#node(path, path, (content) => (content === metadata ? undefined : metadata)),
      ),
      ...interfaces.map((name) => {
        const path = childOf(this.#paths.mapping, name);
        return this.#node(`${path} ${application}`, path, (content) => withApplication(content ?? '', application));
      }),
    ];
    return combineLatest(nodes).pipe(map(() => undefined));
  }

  #node(key: string, path: string, change: (content: string | undefined) => string | undefined): Observable<unknown> {
    return kept(this.#nodes, key, () => standingNode(this.#session, path, change, this.#writer));
  }
}

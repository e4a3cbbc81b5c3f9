import {
  concat,
  concatMap,
  defer,
  EMPTY,
  exhaustMap,
  from,
  ignoreElements,
  map,
  mergeMap,
  type Observable,
  of,
  repeat,
  type SchedulerLike,
  startWith,
  Subject,
  timer,
  toArray,
} from 'rxjs';
import { type BackoffOptions, retryWithBackoff } from '../../connection/index.js';
import { childOf } from '../../internal/path.js';
import type { Session } from '../../port/index.js';
import type { ApplicationPaths } from '../applicationPaths.js';
import { readInstance } from '../formats/instance.js';
import { applicationPath, metadataPaths } from './publication.js';

/** How long the metadata of a revision stays that no instance names any more: a consumer may be about to read it. */
export const FORMER_REVISION_MS = 600_000;

/** How many nodes are read or removed at a time. */
const AT_ONCE = 16;

/** Older ones stay in the registry for good, as those of Java do. */
const MOST_REMEMBERED = 10_000;

/** The revisions that this registry wrote and does not want any more: their metadata is taken back after a while. */
export class FormerRevisions {
  readonly #paths: ApplicationPaths;
  readonly #scheduler: SchedulerLike;
  readonly #retry: BackoffOptions | undefined;
  readonly #added = new Subject<void>();
  /** When the metadata may go, by application and revision; the next ones first. */
  readonly #dueMs = new Map<string, Map<string, number>>();
  #size = 0;

  constructor(paths: ApplicationPaths, scheduler: SchedulerLike, retry: BackoffOptions | undefined) {
    this.#paths = paths;
    this.#scheduler = scheduler;
    this.#retry = retry;
  }

  /** Takes note of a revision that is not wanted any more. */
  add(application: string, revision: string): void {
    this.delete(application, revision);
    if (this.#size >= MOST_REMEMBERED) return;
    const ofApplication = this.#dueMs.get(application) ?? new Map<string, number>();
    ofApplication.set(revision, this.#scheduler.now() + FORMER_REVISION_MS);
    this.#dueMs.set(application, ofApplication);
    this.#size += 1;
    this.#added.next();
  }

  /** Takes note of a revision that is wanted, perhaps again. */
  delete(application: string, revision: string): void {
    const ofApplication = this.#dueMs.get(application);
    if (!ofApplication?.delete(revision)) return;
    this.#size -= 1;
    if (ofApplication.size === 0) this.#dueMs.delete(application);
  }

  /** Removes what is due, for as long as a connection holds. */
  remove(session: Session): Observable<never> {
    const round = defer(() => {
      const nextMs = Math.min(...Array.from(this.#dueMs.values(), (revisions) => revisions.values().next().value!));
      if (nextMs === Infinity) return EMPTY;
      const wait = timer(Math.max(0, nextMs - this.#scheduler.now()), this.#scheduler).pipe(ignoreElements());
      return concat(wait, this.#removeDue(session));
    });
    return this.#added.pipe(
      startWith(undefined),
      exhaustMap(() => round.pipe(repeat({ delay: () => (this.#size > 0 ? of(undefined) : EMPTY) }))),
      retryWithBackoff({ ...this.#retry, scheduler: this.#scheduler, isFatal: () => false }),
    );
  }

  #removeDue(session: Session): Observable<never> {
    return defer(() => {
      const nowMs = this.#scheduler.now();
      return from(
        Array.from(this.#dueMs, ([application, revisions]) => ({
          application,
          due: [...revisions].filter(([, dueMs]) => dueMs <= nowMs).map(([revision]) => revision),
        })).filter(({ due }) => due.length > 0),
      );
    }).pipe(concatMap(({ application, due }) => this.#removeOf(session, application, due)));
  }

  /** Who made an instance does not count: another process with the same services has the same revision. */
  #removeOf(session: Session, application: string, due: readonly string[]): Observable<never> {
    const removed = (revision: string): Observable<never> =>
      concat(
        from(metadataPaths(this.#paths, application, revision)).pipe(
          concatMap((path) => session.remove(path)),
          ignoreElements(),
        ),
        defer(() => {
          this.delete(application, revision);
          return EMPTY;
        }),
      );
    return revisionsNamed(session, applicationPath(this.#paths, application), application).pipe(
      concatMap((named) => {
        // Wanted by somebody: looked at again later.
        for (const revision of due) if (named.has(revision)) this.add(application, revision);
        return from(due.filter((revision) => !named.has(revision)));
      }),
      mergeMap(removed, AT_ONCE),
    );
  }
}

function revisionsNamed(session: Session, directory: string, application: string): Observable<ReadonlySet<string>> {
  return session.list(directory).pipe(
    concatMap((names) => from(names)),
    mergeMap((name) => session.read(childOf(directory, name)), AT_ONCE),
    map((node) => node && revisionIn(application, node.data)),
    toArray(),
    map((revisions) => new Set(revisions.filter((revision) => revision !== undefined))),
  );
}

function revisionIn(application: string, data: Uint8Array): string | undefined {
  try {
    return readInstance(application, data).revision;
  } catch {
    return undefined;
  }
}

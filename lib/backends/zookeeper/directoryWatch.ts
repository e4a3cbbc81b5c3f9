import { forkJoin, map, Observable, of, type Subscriber, Subscription, timer } from 'rxjs';
import { orElse } from '../../internal/orElse.js';
import type { DirectoryChange } from '../../port/index.js';
import type { ZkClient } from './client.js';
import { type DirectoryContent, DirectoryView } from './directoryView.js';
import { watchAbsent, watched } from './oneShotWatch.js';
import type { NodeEvent } from './treeWatches.js';

/** What of a client {@link directoryByName} uses. */
export type DirectoryClient = Pick<
  ZkClient,
  'sessionTimeoutMs' | 'watchTree' | 'readDirectory' | 'watchChildren' | 'exists' | 'removeWatch'
>;

/**
 * Watches a directory by what the server says happens in it: a change costs the same however many children there are.
 *
 * Watch first, read second: nothing falls between them. A one-shot watch on the children stands beside the persistent watch:
 * a server from 3.8.4 on does not tell by name of a child that we may not read, but it tells everybody who may read the directory
 * that some child has changed. Then it is asked how many changes there were, and if it has told of fewer, the directory is read
 * again.
 *
 * Errors with `UNSUPPORTED` on a server before 3.6. The end of the connection is not told: see `ZkClient.ended`.
 */
export function directoryByName(client: DirectoryClient, path: string): Observable<DirectoryChange> {
  return new Observable((subscriber) => {
    const watch = new DirectoryWatch(client, path, subscriber);
    subscriber.add(() => watch.stop());
    watch.start();
  });
}

/**
 * A {@link directoryByName} that is subscribed to.
 *
 * It is not composed of operators because there may be one for each of ten thousand services: those would take 20 kB each.
 */
class DirectoryWatch {
  readonly #client: DirectoryClient;
  readonly #path: string;
  readonly #subscriber: Subscriber<DirectoryChange>;
  readonly #view: DirectoryView;
  /** Whether everything that happens is told by now. */
  #isReady = false;
  /** Whether the one-shot watch is set. */
  #isArmed = false;
  #isStirred = false;
  #tree: Subscription | undefined;
  #request: Subscription | undefined;
  #absence: Subscription | undefined;

  constructor(client: DirectoryClient, path: string, subscriber: Subscriber<DirectoryChange>) {
    this.#client = client;
    this.#path = path;
    this.#subscriber = subscriber;
    this.#view = new DirectoryView(path);
  }

  start(): void {
    const listener = (event: NodeEvent): void => {
      this.#view.record(event);
      this.#stir();
    };
    const tree = (this.#tree = new Subscription());
    tree.add(
      this.#client.watchTree(this.#path, listener).subscribe({
        next: () => {
          this.#isReady = true;
          this.#stir();
        },
        error: (error: unknown) => this.#subscriber.error(error),
      }),
    );
  }

  stop(): void {
    this.#tree?.unsubscribe();
    this.#request?.unsubscribe();
    this.#absence?.unsubscribe();
    this.#client.removeWatch('children', this.#path, this.#fired);
  }

  readonly #fired = (): void => {
    this.#isArmed = false;
    this.#view.stir();
    this.#stir();
  };

  /** Looks at what is new once all of one packet has been taken in: it is told together. */
  #stir(): void {
    if (this.#isStirred) return;
    this.#isStirred = true;
    queueMicrotask(() => {
      this.#isStirred = false;
      if (!this.#isReady || this.#subscriber.closed) return;
      this.#tell(this.#view.news());
      if (!this.#request) this.#verify();
    });
  }

  /** Asks the server as long as there is something to ask for, one request at a time. */
  #verify(): void {
    const { next } = this.#view;
    if (!next || this.#subscriber.closed) return;
    const request = (this.#request = new Subscription());
    request.add(
      (next === 'read' ? this.#read() : this.#check()).subscribe({
        next: (change) => this.#tell(change),
        error: (error: unknown) => this.#subscriber.error(error),
        complete: () => {
          this.#request = undefined;
          this.#verify();
        },
      }),
    );
  }

  #read(): Observable<DirectoryChange | undefined> {
    this.#view.ask();
    this.#isArmed = true;
    const absent = (): Observable<undefined> => {
      this.#isArmed = false;
      return of(undefined);
    };
    return orElse('NO_NODE', this.#client.readDirectory(this.#path, this.#fired), absent).pipe(
      map((content) => {
        this.#awaitComing(content);
        return this.#view.begin(content);
      }),
    );
  }

  #check(): Observable<DirectoryChange | undefined> {
    this.#view.ask();
    const armed = this.#isArmed ? of(undefined) : this.#client.watchChildren(this.#path, this.#fired);
    this.#isArmed = true;
    // Watch first, look second, here too: they are sent in this order.
    return forkJoin([armed, this.#client.exists(this.#path)]).pipe(map(([, stat]) => this.#view.settle(stat)));
  }

  /** Nobody would tell us of a directory that comes and that we may not read. */
  #awaitComing(content: DirectoryContent): void {
    this.#absence?.unsubscribe();
    this.#absence = undefined;
    if (content) return;
    this.#absence = timer(this.#client.sessionTimeoutMs).subscribe(() => {
      this.#view.doubt();
      this.#stir();
    });
  }

  #tell(change: DirectoryChange | undefined): void {
    if (change) this.#subscriber.next(change);
  }
}

/** Watches a directory by reading it again whenever it changes: what servers before 3.6 can do. */
export function directoryByReading(client: ZkClient, path: string): Observable<DirectoryChange> {
  return watched(client, path, (fired) =>
    orElse('NO_NODE', client.readDirectory(path, fired('children')), () =>
      watchAbsent(client, path, fired('node')).pipe(map(() => ({ names: [] }))),
    ).pipe(map(({ names }): DirectoryChange => ({ type: 'snapshot', names }))),
  );
}

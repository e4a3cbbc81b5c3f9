import {
  catchError,
  concat,
  concatMap,
  defaultIfEmpty,
  defer,
  EMPTY,
  filter,
  finalize,
  forkJoin,
  ignoreElements,
  map,
  merge,
  type MonoTypeOperatorFunction,
  Observable,
  of,
  share,
  switchMap,
  tap,
  throwError,
} from 'rxjs';
import { RegistryError } from '../../errors.js';
import type { Batcher } from '../../internal/batcher.js';
import { INSPECT, type Inspect, inspected } from '../../internal/legible.js';
import { checkMove, checkPath, childOf, nameOf, parentOf } from '../../internal/path.js';
import { orElse } from '../../internal/orElse.js';
import { isAnswer } from '../../internal/isAnswer.js';
import { quoted } from '../../internal/quoted.js';
import {
  type CreateOptions,
  type DirectoryChange,
  type DirectoryEvent,
  type DirectoryOptions,
  type DirectorySetChange,
  type NodeCondition,
  NodeExistsError,
  type NodeOperations,
  type NodeState,
  type RegistryNode,
  type Session,
} from '../../port/index.js';
import {
  bulkCreate,
  bulkRead,
  bulkRemove,
  bulkTakeOver,
  KeyExistsError,
  type Made,
  type Reading,
  type Removal,
  type Taken,
  type Unwanted,
  type Wanted,
} from './batches.js';
import type { EtcdClient, KeyState } from './client.js';
import { absent, anyChild, childless, get, overwrite, put, remove, touch, unchanged, written } from './conditions.js';
import { DirectoryStream } from './directoryStream.js';
import { listDirectory } from './directoryWatch.js';
import { DirectoryWatches } from './directoryWatches.js';
import { CompactedError, isOutdated, readAnew } from './errors.js';
import { FirstIn } from './firstIn.js';
import { below, keyOf } from './keys.js';
import type { Leases } from './leases.js';
import { NodeWatches } from './nodeWatches.js';
import type { PageSize } from './pageSize.js';
import { Turns } from './turns.js';
import type { WatchStream } from './watchStream.js';

/** What a session works with as long as one connection lasts. */
interface Line {
  readonly client: EtcdClient;
  readonly nodes: NodeWatches;
  readonly creates: Batcher<Wanted, Made>;
  readonly takeOvers: Batcher<Taken, Made>;
  readonly removes: Batcher<Unwanted, Removal>;
  readonly reads: Batcher<string, Reading>;
  readonly directories: FirstIn;
  /** The revisions of what was written over it and is not watched yet. */
  readonly written: Map<string, bigint>;
}

/** How an {@link EtcdSession} works. */
export interface EtcdSessionOptions {
  /** The path that everything lies below; `''` for none. */
  readonly chroot: string;
  /** How many keys are read at a time. */
  readonly pageSize: PageSize;
}

/**
 * A session with etcd: leases that live and end together; it outlives its connections. Only ephemeral nodes need a lease.
 *
 * etcd has keys only, no directories. As Dubbo's peers do, a directory is written as a key of its own.
 */
export class EtcdSession implements Session {
  readonly id: string;
  readonly leases: Leases;
  /** A revision orders whatever is heard of a key: answers and watches arrive on streams of their own. */
  readonly nodes: NodeOperations = {
    create: (path, options) => this.create(path, options).pipe(map(positioned)),
    takeOver: (node, options) => this.takeOver(node, options).pipe(map(positioned)),
    move: (node, path, options) => this.move(node, path, options).pipe(map(positioned)),
    read: (path) => this.#readState(path),
    write: (path, data, condition) => this.write(path, data, condition).pipe(map(positioned)),
    remove: (path, condition) =>
      this.#remove(path, condition).pipe(map(({ revision }) => ({ node: undefined, position: revision }))),
    watch: (path, known) => this.#watchState(path, known),
  };
  readonly #options: EtcdSessionOptions;
  /** What we made and have not taken back. */
  readonly #mine = new Map<string, Made>();
  /** What is under way with a node: the next thing asked of it waits for that, as on a server that keeps the order. */
  readonly #turns = new Turns();
  readonly #making = new Map<string, Observable<void>>();
  /** The watches on directories. */
  readonly #watching = new Set<DirectoryWatches>();
  /** How many writes to a path were never answered: a server that stood still carries them out when it goes on. */
  readonly #unanswered = new Map<string, number>();
  /** The paths that shall stay empty all the same. */
  readonly #guarded = new Set<string>();
  #line: Line | undefined;

  constructor(leases: Leases, options: EtcdSessionOptions) {
    this.leases = leases;
    this.id = hex(leases.id);
    this.#options = options;
  }

  get timeoutMs(): number {
    return this.leases.timeoutMs;
  }

  /** What logs may know. */
  toJSON(): { id: string; timeoutMs: number } {
    return { id: this.id, timeoutMs: this.timeoutMs };
  }

  toString(): string {
    return `Session ${this.id}`;
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return inspected('Session', this.toJSON(), options, inspect);
  }

  /** Carries the session on over another connection. */
  attach(client: EtcdClient, stream: WatchStream): void {
    this.#line = {
      client,
      nodes: new NodeWatches(client, stream, this.timeoutMs),
      creates: bulkCreate(client, this.leases),
      takeOvers: bulkTakeOver(client, this.leases),
      removes: bulkRemove(client),
      reads: bulkRead(client),
      directories: new FirstIn(),
      written: new Map(),
    };
    this.#making.clear();
    for (const full of this.#guarded) this.#guard(this.#line, full);
  }

  /** How many paths are watched for writes that come late. */
  get guarded(): number {
    return this.#guarded.size;
  }

  /** Leaves the session without a connection. */
  detach(): void {
    this.#line = undefined;
  }

  /** Whatever is read is linearizable. */
  sync(): Observable<void> {
    return this.#at('/', () => of(undefined));
  }

  makeDirectory(path: string): Observable<void> {
    return this.#at(path, (line, full) => this.#make(line, full));
  }

  create(path: string, options: CreateOptions = {}): Observable<RegistryNode> {
    const { data = new Uint8Array(), ephemeral = false, sequential = false } = options;
    const content = Buffer.from(data);
    return this.#inTurn(path, (line, full) => {
      if (path === '/') throw new RegistryError('NODE_EXISTS', 'The root is always there.');
      if (sequential) {
        return this.#createNext(line, path, full, content, ephemeral).pipe(this.#seen(full, ({ version }) => version));
      }
      return this.#create(line, { path: full, data: content, ephemeral }).pipe(
        map((made) => this.#made(line, path, full, content, made)),
        catchError((error: unknown) =>
          throwError(() => (error instanceof KeyExistsError ? this.#exists(path, error) : error)),
        ),
        this.#answered(full),
        this.#seen(full, ({ version }) => version),
      );
    });
  }

  takeOver(
    { path, version: revision }: RegistryNode,
    { data = new Uint8Array(), ephemeral = false }: CreateOptions = {},
  ): Observable<RegistryNode> {
    const content = Buffer.from(data);
    return this.#inTurn(path, (line, full) =>
      line.takeOvers.ask({ path: full, data: content, ephemeral, revision }).pipe(
        map((made) => this.#made(line, path, full, content, made)),
        this.#answered(full),
        this.#seen(full, ({ version }) => version),
      ),
    );
  }

  move(
    node: RegistryNode,
    path: string,
    { data = new Uint8Array(), ephemeral }: CreateOptions = {},
  ): Observable<RegistryNode> {
    const content = Buffer.from(data);
    return this.#at(path, (line, full) => {
      checkMove(node.path, path);
      const from = childOf(parentOf(full), nameOf(node.path));
      const moved = this.#leased(line, ephemeral, (lease) =>
        line.client
          .txn(
            {
              compare: [unchanged(from, node.version), childless(from), absent(full)],
              success: [remove(from), put(full, content, lease)],
              failure: [get(from, true), get(full, true)],
            },
            `move ${quoted(node.path)}`,
          )
          .pipe(
            map(({ succeeded, revision, found }) => {
              if (succeeded) {
                this.#forget(from);
                return this.#made(line, path, full, content, { revision, lease });
              }
              if (found[0]?.[0]?.revision !== node.version) {
                throw new RegistryError('CONFLICT', `${quoted(node.path)} is not what it was.`);
              }
              if (found[1]?.length) throw new RegistryError('NODE_EXISTS', `${quoted(path)} exists already.`);
              throw notEmpty(node.path);
            }),
          ),
      ).pipe(
        this.#answered(full),
        this.#seen(full, ({ version }) => version),
      );
      return this.#turns.take([from, full], () => moved);
    });
  }

  owned(): Observable<readonly string[]> {
    return this.#at('/', ({ client }) =>
      forkJoin(this.leases.ids.map((id) => client.keysOf(id))).pipe(
        defaultIfEmpty([]),
        map((keys) => {
          const prefix = `${this.#options.chroot}/`;
          const paths = keys.flat().map(String);
          return paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length - 1));
        }),
      ),
    );
  }

  read(path: string): Observable<RegistryNode | undefined> {
    return this.#readState(path).pipe(map(({ node }) => node));
  }

  #readState(path: string): Observable<NodeState> {
    return this.#at(path, (line, full) =>
      line.reads.ask(full).pipe(
        map(({ state, revision }) => ({
          node: this.#node(path, state) ?? (path === '/' ? ROOT : undefined),
          position: revision,
        })),
      ),
    );
  }

  list(path: string): Observable<readonly string[]> {
    return this.#at(path, ({ client }, full) =>
      listDirectory(client, below(full), this.#options.pageSize).pipe(
        readAnew(),
        map(({ children }) => [...children.keys()]),
      ),
    );
  }

  write(path: string, data: Uint8Array, condition: NodeCondition = {}): Observable<RegistryNode> {
    const content = Buffer.from(data);
    return this.#inTurn(path, (line, full) => {
      const attempt: Observable<RegistryNode> = defer(() => line.reads.ask(full)).pipe(
        map(({ state }) => this.#check(path, state, condition)),
        concatMap((state) =>
          line.client
            .txn(
              { compare: [unchanged(full, state.revision)], success: [overwrite(full, content)] },
              `write ${quoted(path)}`,
            )
            .pipe(
              concatMap(({ succeeded, revision }) =>
                succeeded ? of(this.#node(path, { ...state, value: content, revision })!) : attempt,
              ),
            ),
        ),
      );
      return attempt;
    });
  }

  remove(path: string, condition?: NodeCondition): Observable<boolean> {
    return this.#remove(path, condition).pipe(map(({ removed }) => removed));
  }

  #remove(path: string, condition: NodeCondition = {}): Observable<Removal> {
    return this.#inTurn(path, (line, full) => {
      if (path === '/') throw notEmpty(path);
      const mine = this.#mine.get(full);
      const onlyOurs = condition.owner === this.id && condition.version === undefined;
      const one = this.#removeOne(line, path, full, condition);
      // Ours as we wrote it goes together with others; somebody may have written to it since.
      const removed =
        mine && onlyOurs
          ? orElse('CONFLICT', line.removes.ask({ path: full, revision: mine.revision }), () => one)
          : one;
      return removed.pipe(
        tap(() => {
          this.#forget(full);
          if (!this.#unanswered.get(full) || this.#guarded.has(full)) return;
          this.#guarded.add(full);
          this.#guard(line, full);
        }),
        this.#seen(full, ({ removed, revision }) => (removed ? revision : 0n)),
      );
    });
  }

  watchNode(path: string, known?: RegistryNode): Observable<RegistryNode | undefined> {
    return this.#watchState(path, known).pipe(map(({ node }) => node));
  }

  #watchState(path: string, known?: RegistryNode): Observable<NodeState> {
    return this.#at(path, (line, full) => {
      if (path === '/') return concat(of({ node: ROOT, position: 0n }), line.client.ended);
      const toNodeState = map(({ state, revision }: Reading) => ({
        node: this.#node(path, state),
        position: revision,
      }));
      const read = readings(line, full).pipe(toNodeState);
      // What is known from an earlier connection may have gone with the store that it was in.
      const isOfStore = known && line.written.get(full) === known.version;
      line.written.delete(full);
      if (!isOfStore) return read;
      return concat(of(positioned(known)), changesSince(line.nodes, full, known.version).pipe(toNodeState)).pipe(
        catchError((error: unknown) => (isOutdated(error) ? read : throwError(() => error))),
      );
    });
  }

  watchDirectory(path: string, options: DirectoryOptions = {}): Observable<DirectoryChange> {
    return this.#at(path, ({ client }) =>
      this.#watchDirectories(client, of({ ...options, add: [path] })).pipe(
        map((event) => {
          if ('error' in event) throw event.error;
          return event.change;
        }),
      ),
    );
  }

  watchDirectories(changes: Observable<DirectorySetChange>): Observable<DirectoryEvent> {
    return this.#at('/', ({ client }) => this.#watchDirectories(client, changes));
  }

  #watchDirectories(client: EtcdClient, changes: Observable<DirectorySetChange>): Observable<DirectoryEvent> {
    const stream = new DirectoryStream(client, this.timeoutMs);
    const { pageSize } = this.#options;
    const options = { client, stream, pageSize, fullPath: (path: string) => this.#full(path) };
    const events = new Observable<DirectoryEvent>((subscriber) => {
      const watches = new DirectoryWatches(options, subscriber);
      this.#watching.add(watches);
      subscriber.add(() => {
        this.#watching.delete(watches);
        watches.end();
      });
      subscriber.add(
        changes.subscribe({
          next: (change) => watches.change(change),
          error: (error: unknown) => subscriber.error(error),
        }),
      );
    });
    return merge(client.ended, stream.failed, events);
  }

  #at<T>(path: string, work: (line: Line, full: string) => Observable<T>): Observable<T> {
    return defer(() => {
      checkPath(path);
      const line = this.#line;
      if (!line || line.client.isOver) {
        throw new RegistryError('CONNECTION_LOST', 'The session has no connection at the moment.');
      }
      return work(line, this.#full(path));
    });
  }

  #full(path: string): string {
    const { chroot } = this.#options;
    return chroot + (path === '/' && chroot !== '' ? '' : path);
  }

  /** {@link #at} for what writes: one after another for each node. */
  #inTurn<T>(path: string, work: (line: Line, full: string) => Observable<T>): Observable<T> {
    return this.#at(path, (line, full) => this.#turns.take([full], () => work(line, full)));
  }

  /**
   * Makes a key, and the directory that it is in where that is missing.
   *
   * Java reads the key of a service where it asks for all services, and nobody needs the others. So a directory that may not be
   * written is left out.
   */
  #create(line: Line, wanted: Wanted): Observable<Made> {
    const ask = (inDirectory: boolean): Observable<Made> => defer(() => line.creates.ask({ ...wanted, inDirectory }));
    const directory = parentOf(wanted.path);
    const create = orElse('NO_NODE', ask(true), () => {
      const made = this.#make(line, directory).pipe(map(() => true));
      return orElse('NOT_AUTHORIZED', made, () => of(false)).pipe(switchMap(ask));
    });
    return line.directories.afterFirst(directory, create);
  }

  #make(line: Line, full: string): Observable<void> {
    if (full === '/') return of(undefined);
    const making = this.#making.get(full);
    if (making) return making;
    const create = this.#create(line, { path: full, data: new Uint8Array(), ephemeral: false });
    // Ten thousand registrations of a new service need its directory once.
    const make: Observable<void> = orElse('NODE_EXISTS', create, () => of(undefined)).pipe(
      map(() => undefined),
      finalize(() => {
        if (this.#making.get(full) === make) this.#making.delete(full);
      }),
      share(),
    );
    this.#making.set(full, make);
    return make;
  }

  /** The number is how often the directory's key was written, and each node writes it once more. */
  #createNext(line: Line, path: string, full: string, data: Buffer, ephemeral: boolean): Observable<RegistryNode> {
    const directory = parentOf(full);
    const attempt = (taken: bigint): Observable<RegistryNode> =>
      line.reads.ask(directory).pipe(
        concatMap(({ state }) => {
          if (!state) return concat(this.#makeKey(line, directory).pipe(ignoreElements()), attempt(taken));
          if (state.lease !== '0') throw belowEphemeral(path);
          const suffix = String(state.writes + taken).padStart(10, '0');
          const [name, key] = [childOf(parentOf(path), nameOf(path) + suffix), full + suffix];
          return this.#leased(line, ephemeral, (lease) =>
            line.client
              .txn(
                {
                  compare: [written(directory, state.writes), absent(key)],
                  success: [touch(directory), put(key, data, lease)],
                  failure: [get(key, true)],
                },
                `create ${quoted(name)}`,
              )
              .pipe(
                map(({ succeeded, revision, found }) => {
                  if (succeeded) return this.#made(line, name, key, data, { revision, lease });
                  throw new NameTaken(found[0]?.length ? 1n : 0n);
                }),
              ),
          );
        }),
        catchError((error: unknown) =>
          error instanceof NameTaken ? attempt(taken + error.names) : throwError(() => error),
        ),
      );
    return defer(() => attempt(0n));
  }

  /** A directory is always there at the root, but counting needs a key. */
  #makeKey(line: Line, directory: string): Observable<unknown> {
    return directory === '/'
      ? line.client.txn({ compare: [absent('/')], success: [put('/', new Uint8Array())] }, 'create "/"')
      : this.#make(line, directory);
  }

  #removeOne(line: Line, path: string, full: string, condition: NodeCondition): Observable<Removal> {
    const attempt: Observable<Removal> = defer(() => line.reads.ask(full)).pipe(
      concatMap(({ state, revision: readAt }) => {
        if (!state) return of({ removed: false, revision: readAt });
        this.#check(path, state, condition);
        return line.client
          .txn(
            {
              compare: [unchanged(full, state.revision), childless(full)],
              success: [remove(full)],
              failure: [anyChild(full)],
            },
            `remove ${quoted(path)}`,
          )
          .pipe(
            concatMap(({ succeeded, revision, found }) => {
              if (found[0]?.length && !succeeded) throw notEmpty(path);
              return succeeded ? of({ removed: true, revision }) : attempt;
            }),
          );
      }),
    );
    return attempt;
  }

  /** Runs a write with a lease that has room for it, and gives the room back if it fails. */
  #leased<T>(line: Line, ephemeral: boolean | undefined, write: (lease: string) => Observable<T>): Observable<T> {
    if (!ephemeral) return write('0');
    return this.leases
      .take(line.client, 1)
      .pipe(concatMap((lease) => write(lease).pipe(tap({ error: () => this.leases.giveBack(lease, 1) }))));
  }

  #made(line: Line, path: string, full: string, data: Buffer, { revision, lease }: Made): RegistryNode {
    this.#forget(full);
    line.written.set(full, revision);
    if (lease !== '0') this.#mine.set(full, { revision, lease });
    return { path, data, owner: lease === '0' ? undefined : this.id, version: revision };
  }

  /** Holds the answer to a write back until whatever of ours watches the directory has been told of it. */
  #seen<T>(full: string, revisionOf: (written: T) => bigint): MonoTypeOperatorFunction<T> {
    return concatMap((written) => {
      const directory = parentOf(full);
      const all = [...this.#watching].map((watches) => watches.reached(directory, revisionOf(written)));
      return concat(merge(...all), of(written));
    });
  }

  /** Counts a write until it is answered, by whatever but the end of its connection. */
  #answered<T>(full: string): MonoTypeOperatorFunction<T> {
    return (write) =>
      defer(() => {
        this.#guarded.delete(full);
        this.#unanswered.set(full, (this.#unanswered.get(full) ?? 0) + 1);
        const answered = (): void => {
          const left = (this.#unanswered.get(full) ?? 1) - 1;
          if (left > 0) this.#unanswered.set(full, left);
          else this.#unanswered.delete(full);
        };
        return write.pipe(tap({ next: answered, error: (error: unknown) => isAnswer(error) && answered() }));
      });
  }

  /** Takes back what comes late to a path that shall stay empty, as long as the connection lasts. */
  #guard(line: Line, full: string): void {
    const { client } = line;
    readings(line, full)
      .pipe(
        map(({ state }) => state),
        filter((state) => state !== undefined),
        concatMap(({ lease, revision }) =>
          this.#guarded.has(full) && this.leases.has(lease)
            ? client.txn(
                { compare: [unchanged(full, revision)], success: [remove(full)] },
                `take back ${quoted(full)}, which came late`,
              )
            : EMPTY,
        ),
        catchError(() => EMPTY),
      )
      .subscribe();
  }

  #forget(full: string): void {
    this.#line?.written.delete(full);
    const mine = this.#mine.get(full);
    if (!mine) return;
    this.leases.giveBack(mine.lease, 1);
    this.#mine.delete(full);
  }

  #exists(path: string, { message, state, revision }: KeyExistsError): NodeExistsError {
    return new NodeExistsError(message, this.#node(path, state)!, revision);
  }

  #node(path: string, state: KeyState | undefined): RegistryNode | undefined {
    return state && { path, data: state.value, owner: this.#ownerOf(state), version: state.revision };
  }

  #ownerOf({ lease }: KeyState): string | undefined {
    if (lease === '0') return undefined;
    return this.leases.has(lease) ? this.id : hex(lease);
  }

  #check(path: string, state: KeyState | undefined, { version, owner }: NodeCondition): KeyState {
    if (!state) throw new RegistryError('NO_NODE', `There is no node ${quoted(path)}.`);
    if (version !== undefined && state.revision !== version) {
      throw new RegistryError('CONFLICT', `${quoted(path)} has version ${state.revision}, not ${version}.`);
    }
    const is = this.#ownerOf(state);
    if (owner !== undefined && is !== owner) {
      throw new RegistryError('CONFLICT', `${quoted(path)} belongs to ${is ?? 'nobody'}, not to ${owner}.`);
    }
    return state;
  }
}

const ROOT: RegistryNode = { path: '/', data: new Uint8Array(), owner: undefined, version: 0n };

/** The directory was written to meanwhile, or somebody has made so many nodes of the next names by hand. */
class NameTaken extends Error {
  readonly names: bigint;
  constructor(names: bigint) {
    super('taken');
    this.names = names;
  }
}

/** What a key is, and again whenever it changes, each with its revision. */
function readings({ nodes, reads }: Line, full: string): Observable<Reading> {
  return defer(() => reads.ask(full)).pipe(
    switchMap((reading) => concat(of(reading), changesOf(nodes, full, reading.revision + 1n))),
    readAnew(),
  );
}

/** What becomes of a key from a revision on. */
function changesOf(nodes: NodeWatches, full: string, from: bigint): Observable<Reading> {
  return nodes.watch({ key: keyOf(full), from }).pipe(
    concatMap((answer) => (answer.type === 'created' ? [] : answer.events)),
    map(({ type, state }) => ({ state: type === 'put' ? state : undefined, revision: state.revision })),
  );
}

/** What becomes of a key after a revision that is known from before, perhaps from a store that was there before this one. */
function changesSince(nodes: NodeWatches, full: string, revision: bigint): Observable<Reading> {
  return nodes.watch({ key: keyOf(full), from: revision + 1n }).pipe(
    concatMap((answer) => {
      if (answer.type === 'events') return answer.events;
      if (answer.revision >= revision) return [];
      throw new CompactedError('SERVER_ERROR', 'The store went back.');
    }),
    map(({ type, state }) => ({ state: type === 'put' ? state : undefined, revision: state.revision })),
  );
}

function positioned(node: RegistryNode): NodeState {
  return { node, position: node.version };
}

/** Leases are shown as etcd's own tools show them. */
export function hex(lease: string): string {
  return BigInt(lease).toString(16);
}

function notEmpty(path: string): RegistryError {
  return new RegistryError('NOT_EMPTY', `${quoted(path)} has children.`);
}

function belowEphemeral(path: string): RegistryError {
  return new RegistryError('CONFLICT', `${quoted(path)}: an ephemeral node can have no children.`);
}

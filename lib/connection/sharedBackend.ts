import {
  concat,
  defer,
  EMPTY,
  endWith,
  filter,
  map,
  type Observable,
  of,
  ReplaySubject,
  scan,
  share,
  startWith,
  Subject,
  switchMap,
  takeUntil,
  takeWhile,
  tap,
} from 'rxjs';
import { RegistryError } from '../errors.js';
import { quoted } from '../internal/quoted.js';
import type { Backend, BackendWarning, ConnectionState } from '../port/index.js';

/**
 * What somebody is to a connection that several share. A session's nodes belong to its one `owner`, who tells them from
 * those of others by the session; a `guest` has none, so there may be any number.
 */
export type Role = 'owner' | 'guest';

/** One party's part of a connection: a backend like any other, and what it is closed with is its own part. */
export interface SharedBackend extends Backend {
  /** A part for somebody else of the very connection that this part is of. */
  guest(): SharedBackend;
  /**
   * Leaves; the last one who leaves ends the session and the connection.
   *
   * @param leavesNodes - Whether there are nodes that must go: then the session ends also when others stay, who get another.
   */
  close(deadlineMs?: number, leavesNodes?: boolean): Promise<void>;
}

/**
 * Makes a backend one that several use together: the session is shared, and closed when the last one of them closes.
 *
 * Backends with the same address are one connection as soon as they are used, but for owners: each has a connection of its own.
 *
 * @param address - What tells one connection from another; `undefined` for a backend that is like no other.
 * @throws RegistryError with `BACKEND_IN_USE` for a second owner of one backend: two could not tell their nodes apart.
 */
export function shareBackend(backend: Backend, role: Role, address?: string): SharedBackend {
  if (role === 'owner') {
    if (owned.has(backend)) {
      throw new RegistryError(
        'BACKEND_IN_USE',
        `This ${quoted(backend.name)} backend belongs to another registry: make a backend for each registry.`,
      );
    }
    owned.add(backend);
  }
  const part = new Part(role);
  return asBackend(backend, part, () => connectionFor(backend, role, address));
}

/** Backends that have an owner. */
const owned = new WeakSet<Backend>();
/** Those in use, by what they connect to. */
const inUse = new Map<string, Set<Connection>>();
const connections = new WeakMap<Backend, Connection>();

function connectionFor(backend: Backend, role: Role, address: string | undefined): Connection {
  const known = connections.get(backend);
  if (known || address === undefined) return known ?? new Connection(backend, undefined);
  const free = [...(inUse.get(address) ?? [])].find((each) => role === 'guest' || !each.owner);
  return free ?? new Connection(backend, address);
}

/** One connection, and who uses it. */
class Connection {
  readonly states: Observable<ConnectionState>;
  readonly warnings: Observable<BackendWarning>;
  owner: Part | undefined;
  readonly #backend: Backend;
  readonly #address: string | undefined;
  readonly #parts = new Set<Part>();
  readonly #ends = new Subject<void>();
  #last: ConnectionState | undefined;
  #isClosed = false;

  constructor(backend: Backend, address: string | undefined) {
    this.#backend = backend;
    this.#address = address;
    this.warnings = backend.warnings ?? EMPTY;
    connections.set(backend, this);
    // Leaving the states ends the session, subscribing to them begins another.
    const anew = defer(() => goingOn(this.#last, backend.states));
    this.states = this.#ends.pipe(
      map(() => anew),
      startWith(backend.states),
      switchMap((states) => states),
      takeWhile(({ status }) => status !== 'closed', true),
      tap((state) => (this.#last = state)),
      share({ connector: () => new ReplaySubject(1), resetOnComplete: false }),
    );
  }

  enter(part: Part): void {
    if (this.#isClosed) return;
    this.#parts.add(part);
    if (this.#address === undefined) return;
    const others = inUse.get(this.#address) ?? new Set();
    inUse.set(this.#address, others.add(this));
  }

  async leave(part: Part, deadlineMs: number | undefined, leavesNodes: boolean): Promise<void> {
    if (this.owner === part) this.owner = undefined;
    const wasIn = this.#parts.delete(part);
    if (!wasIn || this.#parts.size > 0) {
      part.left.next();
      if (wasIn && leavesNodes) this.#ends.next();
      return;
    }
    this.#isClosed = true;
    const others = inUse.get(this.#address ?? '');
    if (others?.delete(this) && others.size === 0) inUse.delete(this.#address!);
    await this.#backend.close(deadlineMs);
  }
}

/** Somebody who uses a connection, from the first use until it is left. */
class Part {
  readonly role: Role;
  readonly left = new ReplaySubject<void>(1);
  connection: Connection | undefined;
  isOver = false;

  constructor(role: Role) {
    this.role = role;
  }

  join(find: () => Connection): Connection {
    const connection = (this.connection ??= find());
    if (this.role === 'owner') connection.owner ??= this;
    return connection;
  }
}

function asBackend(backend: Backend, part: Part, find: () => Connection): SharedBackend {
  const { name, identity, scheduler, largeDirectoryBytes } = backend;
  return {
    name,
    ...(identity !== undefined && { identity }),
    ...(scheduler && { scheduler }),
    ...(largeDirectoryBytes !== undefined && { largeDirectoryBytes }),
    states: defer(() => {
      if (part.isOver) return of<ConnectionState>({ status: 'closed' });
      const connection = part.join(find);
      connection.enter(part);
      return connection.states.pipe(
        filter(({ status }) => status !== 'closed'),
        takeUntil(part.left),
        endWith<ConnectionState>({ status: 'closed' }),
      );
    }),
    warnings: defer(() => part.join(find).warnings),
    guest: () => asBackend(backend, new Part('guest'), () => part.join(find)),
    close: async (deadlineMs, leavesNodes = false) => {
      if (part.isOver) return;
      part.isOver = true;
      await part.connection?.leave(part, deadlineMs, leavesNodes);
    },
  };
}

/** The states of a connection that begins anew, so that they may follow the last one of the connection before it. */
function goingOn(last: ConnectionState | undefined, states: Observable<ConnectionState>): Observable<ConnectionState> {
  switch (last?.status) {
    case 'connected':
    case 'suspended':
      return concat(of(ended()), states);
    case 'connecting':
      return states.pipe(
        scan((before, state) => {
          const counts = state.status === 'connecting' && before.status === 'connecting';
          return counts ? { ...state, attempt: before.attempt + 1 } : state;
        }, last as ConnectionState),
      );
    default:
      return states;
  }
}

function ended(): ConnectionState {
  const cause = new RegistryError(
    'SESSION_EXPIRED',
    'The session was ended, as nodes had to go that could not be taken back.',
  );
  return { status: 'lost', cause, confirmed: true };
}

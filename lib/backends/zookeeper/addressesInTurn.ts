// By its default export, so that whoever replaces `dns.lookup` for a whole process is heeded here, as in `net.connect`.
import dns, { type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import {
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  map,
  merge,
  Observable,
  of,
  ReplaySubject,
  share,
  take,
  takeUntil,
  timer,
} from 'rxjs';
import { RegistryError } from '../../errors.js';
import { printable } from '../../internal/printable.js';

/** A server by its name. */
export interface NamedServer {
  readonly host: string;
  readonly port: number;
}

/** Where the next attempt goes. */
export interface Turn extends NamedServer {
  /** The addresses of the server, as `address:port`, in the order in which they are to be tried. */
  readonly addresses: readonly string[];
  /** Gives `net.connect` these addresses. */
  readonly lookup: LookupFunction;
  /** The addresses of all servers. */
  readonly all: readonly string[];
}

/** Resolves a name to all its addresses. */
export type Resolve = (host: string) => Observable<readonly LookupAddress[]>;

interface Name extends NamedServer {
  /** What the name was resolved to last. */
  addresses: readonly LookupAddress[];
  error: Error | undefined;
  resolving: Observable<void> | undefined;
}

/** How long an attempt waits for names while it knows other addresses: the resolver may take 5 s to give a name up. */
const PATIENCE_MS = 500;

/**
 * The addresses of all servers in turn, for ever. Names are resolved anew for every attempt.
 *
 * One name may stand for several servers, the first of which is silent, and its addresses change when servers are replaced. The
 * address that was not tried for the longest time is next; a new one is tried first. The order of the first round is drawn,
 * because a thousand clients must not all begin with the same server.
 */
export class AddressesInTurn {
  readonly #names: readonly Name[];
  readonly #resolve: Resolve;
  readonly #random: () => number;
  /** When each address was tried first in an attempt, counted in attempts; below zero if it has not been yet. */
  #turns = new Map<string, number>();
  #attempts = 0;

  constructor(servers: readonly NamedServer[], resolve: Resolve = lookupAll, random: () => number = Math.random) {
    this.#names = servers.map(({ host, port }) => ({
      host,
      port,
      addresses: isIP(host) ? [{ address: host, family: isIP(host) }] : [],
      error: undefined,
      resolving: undefined,
    }));
    this.#resolve = resolve;
    this.#random = random;
  }

  /** Emits where to go next, once; errors with `CONNECTION_LOST` if no name can be resolved. */
  next(): Observable<Turn> {
    return defer(() => {
      const names = this.#names.filter(({ host }) => !isIP(host));
      if (names.length === 0) return of(this.#take());
      const resolving = names.map((name) => (name.resolving ??= this.#look(name)));
      return concat(
        merge(...resolving).pipe(ignoreElements(), takeUntil(timer(PATIENCE_MS))),
        // As long as no address is known, there is nothing to do but to wait for the first.
        defer(() => (this.#knowsNone ? merge(...resolving) : EMPTY)).pipe(
          filter(() => !this.#knowsNone),
          take(1),
          ignoreElements(),
        ),
        defer(() => of(this.#take())),
      );
    });
  }

  get #knowsNone(): boolean {
    return this.#names.every(({ addresses }) => addresses.length === 0);
  }

  /** Emits once, whatever comes of it. It goes on when nobody waits any more, as the resolver does: nobody asks twice at a time. */
  #look(name: Name): Observable<void> {
    return this.#resolve(name.host).pipe(
      map((addresses) => {
        name.addresses = addresses;
        name.error = undefined;
      }),
      catchError((error: unknown) => of(void (name.error = error instanceof Error ? error : new Error(String(error))))),
      finalize(() => (name.resolving = undefined)),
      share({ connector: () => new ReplaySubject(1), resetOnRefCountZero: false }),
    );
  }

  #take(): Turn {
    const turns = new Map<string, number>();
    // A name that is gone is left out. Where none can be resolved, it is the resolver that is gone: servers stay where they are.
    const resolved = this.#names.filter(({ addresses, error }) => addresses.length > 0 && !error);
    const candidates = (resolved.length > 0 ? resolved : this.#names).flatMap((name) =>
      name.addresses.map((each) => {
        const address = join(each.address, name.port);
        const turn = this.#turns.get(address) ?? this.#random() - 1;
        turns.set(address, turn);
        return { name, each, address, turn };
      }),
    );
    candidates.sort((one, other) => one.turn - other.turn);
    const [first] = candidates;
    if (!first) throw this.#unresolved();
    turns.set(first.address, (this.#attempts += 1));
    // Addresses that are gone are forgotten.
    this.#turns = turns;
    const { name } = first;
    const ordered = candidates.filter((candidate) => candidate.name === name);
    const found = ordered.map(({ each }) => each);
    return {
      host: name.host,
      port: name.port,
      addresses: ordered.map(({ address }) => address),
      all: [...turns.keys()],
      lookup: (_host, { all }, done) => {
        if (all) done(null, [...found]);
        else done(null, found[0]!.address, found[0]!.family);
      },
    };
  }

  #unresolved(): RegistryError {
    const why = this.#names
      .map(({ host, error }) => `${printable(host)} (${error?.message ?? 'no address'})`)
      .join(', ');
    const cause = this.#names.find(({ error }) => error)?.error;
    return new RegistryError('CONNECTION_LOST', `No server can be found by its name: ${why}.`, cause ? { cause } : {});
  }
}

/** An address as it stands in messages. */
export function join(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function lookupAll(host: string): Observable<readonly LookupAddress[]> {
  return new Observable((subscriber) => {
    // Without addresses of a kind that this machine has no network for, as `net.connect` does.
    dns.lookup(host, { all: true, hints: dns.ADDRCONFIG }, (error, addresses) => {
      if (error) return subscriber.error(error);
      subscriber.next(addresses);
      subscriber.complete();
    });
  });
}

import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  filter,
  ignoreElements,
  merge,
  type Observable,
  of,
  race,
  retry,
  type SchedulerLike,
  skip,
  Subject,
  Subscription,
  take,
  tap,
  timer,
} from 'rxjs';
import { type BackoffOptions, fullJitter, isFatalError, whileConnected } from '../../connection/index.js';
import type { ServiceUrl } from '../../dubbo/index.js';
import { type KeyChange, mergeKeys } from '../../internal/mergeKeys.js';
import type { ConnectionState, Session } from '../../port/index.js';
import type { ApplicationPaths } from '../applicationPaths.js';
import type { InstanceForm } from '../formats/instance.js';
import { FormerRevisions } from './formerRevisions.js';
import { Foundations } from './foundations.js';
import { type HeldService, InstanceEntry, type InstanceState } from './instanceEntry.js';
import { keepInstance } from './keepInstance.js';
import { type InstanceAddress, instancePath, publicationOf, startOf } from './publication.js';

/** How an {@link ApplicationRegistrar} writes. */
export interface RegistrarOptions {
  readonly paths: ApplicationPaths;
  readonly form: InstanceForm;
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
  /** Told of an instance that the registry refuses, or that another session has. */
  readonly onRefused: (entry: { readonly address: InstanceAddress; readonly path: string }, cause: Error) => void;
}

/** A hold on a place in an instance: the service is there until it is let go. */
export interface InstanceHold {
  readonly path: string;
  /** Where the instance stands; the present state is replayed. */
  readonly states: Observable<InstanceState>;
  /** Puts another service in the place of this one, if it is one of the same instance; whether it did. */
  replace(address: InstanceAddress, service: ServiceUrl): boolean;
  /** Lets go; the last hold's letting go takes the node back. */
  release(): void;
}

/**
 * Keeps the instances of applications in the registry: one node for each application, host and port, whatever is registered there.
 *
 * What changes at once is written at once, on the next tick of the scheduler. Everything is asserted anew whenever the connection
 * reaches connected.
 */
export class ApplicationRegistrar {
  readonly #connection: Observable<ConnectionState>;
  readonly #options: RegistrarOptions;
  readonly #scheduler: SchedulerLike;
  readonly #entries = new Map<string, InstanceEntry>();
  readonly #changes = new Subject<KeyChange<InstanceEntry>>();
  readonly #released = new Subject<void>();
  readonly #dirty = new Set<InstanceEntry>();
  readonly #former: FormerRevisions;
  #serial = 0;
  #following = Subscription.EMPTY;

  constructor(connection: Observable<ConnectionState>, options: RegistrarOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#scheduler = options.scheduler ?? asyncScheduler;
    this.#former = new FormerRevisions(options.paths, this.#scheduler, options.retry);
  }

  /** Whether there may be nodes that go only with the session. */
  get mayOwn(): boolean {
    return [...this.#entries.values()].some((entry) => entry.mayStand);
  }

  /** How many instances there are, or have to be taken back. */
  get size(): number {
    return this.#entries.size;
  }

  /** Registers a service of an instance. */
  hold(address: InstanceAddress, service: ServiceUrl): InstanceHold {
    const path = instancePath(this.#options.paths, address);
    const entry = this.#entries.get(path) ?? this.#start(address, path);
    const own: HeldService = { service, serial: Infinity };
    this.#set(entry, own, service);
    let held = true;
    return {
      path,
      states: entry.statesOf(own),
      replace: (other, next) => {
        if (!held || instancePath(this.#options.paths, other) !== path) return false;
        this.#set(entry, own, next);
        return true;
      },
      release: () => {
        if (!held) return;
        held = false;
        entry.services.delete(own);
        this.#touch(entry);
      },
    };
  }

  /** Completes when everything that was let go is taken back. */
  releases(): Observable<never> {
    const isReleasing = (): boolean => [...this.#entries.values()].some((entry) => entry.services.size === 0);
    return defer(() => {
      this.#flush();
      return isReleasing()
        ? this.#released.pipe(
            filter(() => !isReleasing()),
            take(1),
            ignoreElements(),
          )
        : EMPTY;
    });
  }

  /** Completes when nothing of an instance is left to be taken back, at once if somebody else holds it. */
  settled(address: InstanceAddress): Observable<never> {
    return defer(() => {
      this.#flush();
      const path = instancePath(this.#options.paths, address);
      const entry = this.#entries.get(path);
      const isOver = (): boolean => entry === undefined || entry.services.size > 0 || !this.#entries.has(path);
      return isOver() ? EMPTY : this.#released.pipe(filter(isOver), take(1), ignoreElements());
    });
  }

  #start(address: InstanceAddress, path: string): InstanceEntry {
    const entry = new InstanceEntry(address, path);
    this.#entries.set(path, entry);
    entry.states.subscribe((state) => {
      if (state.status === 'refused') this.#options.onRefused(entry, state.cause);
      if (state.status === 'released' && entry.services.size === 0) this.#forget(entry);
    });
    if (this.#following.closed) this.#follow();
    else this.#changes.next({ added: [entry], gone: [] });
    return entry;
  }

  #forget(entry: InstanceEntry): void {
    if (this.#entries.get(entry.path) !== entry) return;
    this.#entries.delete(entry.path);
    this.#changes.next({ added: [], gone: [entry] });
    this.#released.next();
  }

  #set(entry: InstanceEntry, held: HeldService, service: ServiceUrl): void {
    Object.assign(held, { service, serial: Infinity });
    entry.services.add(held);
    const startedMs = startOf(service) ?? Date.now();
    entry.startedMs = Math.min(entry.startedMs ?? startedMs, startedMs);
    this.#touch(entry);
  }

  #touch(entry: InstanceEntry): void {
    if (this.#dirty.size === 0) this.#scheduler.schedule(() => this.#flush());
    this.#dirty.add(entry);
  }

  #flush(): void {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const entry of dirty) {
      const former = entry.wanted.value;
      const services = [...entry.services];
      const { address, startedMs = 0 } = entry;
      const serial = (this.#serial += 1);
      const next = publicationOf(
        address,
        services.map(({ service }) => service),
        startedMs,
        this.#options.form,
        serial,
      );
      const isSame = former?.instance === next?.instance;
      for (const held of services) held.serial = Math.min(held.serial, isSame ? (former?.serial ?? 0) : serial);
      if (isSame) {
        // What joined without a change stands as soon as the others do.
        entry.states.next(entry.states.value);
      } else {
        if (former) this.#former.add(address.application, former.revision);
        if (next) this.#former.delete(address.application, next.revision);
        // What held before is not the outcome of a later wish.
        if (!next || !former) entry.tell({ status: 'pending' });
        entry.wanted.next(next);
      }
      // One that was let go before anything was written of it.
      if (!next && !entry.mayStand) entry.tell({ status: 'released' });
    }
  }

  #follow(): void {
    const following = (this.#following = new Subscription());
    const all = (): InstanceEntry[] => [...this.#entries.values()];
    const keeping = this.#connection.pipe(
      tap((state) => all().forEach((entry) => entry.follow(state))),
      whileConnected((session) => merge(this.#keep(session), this.#former.remove(session))),
    );
    following.add(
      keeping.subscribe({
        error: (error: unknown) => {
          const cause = error instanceof Error ? error : new Error(String(error));
          following.unsubscribe();
          for (const entry of all()) entry.tell({ status: 'refused', cause });
        },
      }),
    );
  }

  #keep(session: Session): Observable<unknown> {
    const { paths } = this.#options;
    const foundations = new Foundations(session, paths, { scheduler: this.#scheduler, random: Math.random });
    const present = defer(() => of<KeyChange<InstanceEntry>>({ added: [...this.#entries.values()], gone: [] }));
    return concat(present, this.#changes).pipe(mergeKeys((entry) => this.#keepOne(session, entry, foundations)));
  }

  #keepOne(session: Session, entry: InstanceEntry, foundations: Foundations): Observable<never> {
    const backoff = fullJitter(this.#options.retry);
    let failures = 0;
    return keepInstance(session, entry, foundations).pipe(
      retry({
        delay: (error: unknown) => {
          failures = entry.states.value.status === 'registered' ? 1 : failures + 1;
          const cause = error instanceof Error ? error : new Error(String(error));
          entry.tell({ status: isFatalError(error) ? 'refused' : 'pending', cause });
          // A change of mind need not wait.
          return race(timer(backoff(failures), this.#scheduler), entry.wanted.pipe(skip(1))).pipe(take(1));
        },
      }),
    );
  }
}

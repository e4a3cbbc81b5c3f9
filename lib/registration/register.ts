import { defer, EMPTY, finalize, isObservable, Observable, of, switchMap } from 'rxjs';
import { fromNodeName, instanceKey, nodePath, type ServiceUrl } from '../dubbo/index.js';
import { DuplicateRegistrationError } from '../errors.js';
import { childOf, parentOf } from '../internal/path.js';
import type { NodeHold } from './nodeHold.js';
import type { NodeStatus } from './nodeRecord.js';
import type { Registrations } from './registrations.js';
import type { RegistrationState } from './registrationState.js';

/** What the registrations of one registry share. */
export interface RegistrationContext {
  /** The directory above all services. */
  readonly root: string;
  readonly registrations: Registrations;
  /** What is registered: each instance key, and the object that stands for the registration it belongs to. */
  readonly keys: Map<string, object>;
  /** Whether the registry is being closed, which leaves persistent nodes where they are. */
  readonly isClosing: () => boolean;
}

/** A URL that is held. */
interface Held {
  readonly url: ServiceUrl;
  readonly key: string;
  readonly path: string;
  readonly ephemeral: boolean;
  readonly hold: NodeHold;
}

/**
 * Keeps a URL registered while it is subscribed to.
 *
 * ```text
 *  connection   --c------------s----c---    c: connected, s: suspended
 *  states       p-r------------s----r---    p: pending, r: registered
 * ```
 *
 * The URL comes complete, as it shall be written.
 */
export function registerOne(url: () => ServiceUrl, context: RegistrationContext): Observable<RegistrationState> {
  return new Observable((subscriber) => {
    const held = hold(url(), subscriber, context);
    subscriber.add(() => {
      context.keys.delete(held.key);
      if (held.ephemeral || !context.isClosing()) held.hold.release();
    });
    held.hold.listen((status) => {
      if (status.status === 'failed') subscriber.error(status.error);
      else if (status.status === 'released') subscriber.complete();
      else subscriber.next(describe(held, status));
    });
  });
}

/**
 * Keeps the newest of `urls` registered while it is subscribed to: the new node stands before the old one goes.
 *
 * ```text
 *  urls      a---------b--------!
 *  node a    --+++++++++++--
 *  node b              --+++++++--
 *  states    p-r-------p-r-------    p: pending, r: registered
 * ```
 *
 * The URLs come complete, as they shall be written; `undefined` withdraws the registration until the next URL. When `urls`
 * completes, the last one stays registered.
 */
export function registerNewest(
  urls: Observable<ServiceUrl | undefined>,
  context: RegistrationContext,
): Observable<RegistrationState> {
  const { keys, isClosing } = context;
  return defer(() => {
    const registration = {};
    let standing: Held | undefined;
    let coming: Held | undefined;
    /** What was asked for and moved away from before it was known to stand, but may stand all the same. */
    let perhaps: Held[] = [];

    const release = (held: Held | undefined): void => {
      if (!held) return;
      held.hold.release();
      const isKept = [standing, coming, ...perhaps].some((other) => other !== held && other?.key === held.key);
      if (!isKept) keys.delete(held.key);
    };

    /** What is not known to stand any more needs no place among what may. */
    const prune = (): void => {
      const ended = perhaps.filter(({ hold }) => !hold.mayStand);
      perhaps = perhaps.filter(({ hold }) => hold.mayStand);
      ended.forEach(release);
    };

    const releaseAll = (): void => {
      const former = [standing, coming, ...perhaps];
      const last = coming ?? standing;
      standing = coming = undefined;
      perhaps = [];
      for (const held of former) {
        // What the last URL asks for stays when the registry is closed, if it is persistent.
        if (held?.ephemeral === false && last?.ephemeral === false && isClosing()) keys.delete(held.key);
        else release(held);
      }
    };

    const stands = (held: Held): void => {
      if (coming !== held) return;
      const former = [standing, ...perhaps];
      standing = held;
      coming = undefined;
      perhaps = [];
      former.forEach(release);
    };

    const moveTo = (url: ServiceUrl): Observable<RegistrationState> => {
      const next = hold(url, registration, context, standing?.hold);
      const outdated = coming;
      coming = next;
      if (outdated) perhaps.push(outdated);
      outdated?.hold.setAside();
      prune();
      return new Observable((subscriber) =>
        next.hold.listen((status) => {
          if (subscriber.closed) return;
          if (status.status === 'failed') return subscriber.error(status.error);
          if (status.status === 'released') return subscriber.complete();
          if (status.status === 'registered') stands(next);
          subscriber.next(describe(next, status));
        }),
      );
    };

    let announced: ServiceUrl | undefined;
    const withdraw = (): Observable<RegistrationState> => {
      releaseAll();
      return announced ? of({ status: 'withdrawn', url: announced }) : EMPTY;
    };

    return urls.pipe(
      switchMap((url) => (url ? moveTo((announced = url)) : withdraw())),
      finalize(releaseAll),
    );
  });
}

/** Keeps one URL, or the newest of several, registered: see {@link registerOne} and {@link registerNewest}. */
export function register(
  url: Observable<ServiceUrl | undefined> | (() => ServiceUrl),
  context: RegistrationContext,
): Observable<RegistrationState> {
  return isObservable(url) ? registerNewest(url, context) : registerOne(url, context);
}

/** Holds the node of a URL, for a registration, instead of another one. */
function hold(url: ServiceUrl, registration: object, context: RegistrationContext, instead?: NodeHold): Held {
  const { root, registrations, keys } = context;
  const key = instanceKey(url);
  const holder = keys.get(key);
  if (holder !== undefined && holder !== registration) throw new DuplicateRegistrationError(key);
  const path = nodePath(root, url);
  keys.set(key, registration);
  const ephemeral = url.parameter('dynamic') !== 'false';
  // What this registry moves away from is removed when the new node stands, and not before.
  const isOther = (name: string): boolean => keyIn(name) === key && !registrations.has(childOf(parentOf(path), name));
  const node = { path, ephemeral, ...(!ephemeral && { isOther }) };
  return { url, key, path, ephemeral, hold: registrations.hold(node, instead) };
}

/** The key of the instance that a node's name speaks of; `undefined` for a name that cannot be read. */
function keyIn(name: string): string | undefined {
  try {
    return instanceKey(fromNodeName(name));
  } catch {
    return undefined;
  }
}

function describe(
  { url, path }: Held,
  status: Exclude<NodeStatus, { readonly status: 'released' | 'failed' }>,
): RegistrationState {
  switch (status.status) {
    case 'registered':
      return { status: 'registered', url, path };
    case 'suspended':
      return { status: 'suspended', url, path, cause: status.cause };
    case 'pending':
      return 'cause' in status ? { status: 'pending', url, cause: status.cause } : { status: 'pending', url };
  }
}

import { defer, EMPTY, finalize, map, type Observable, of, switchMap, takeWhile, tap } from 'rxjs';
import { fromNodeName, instanceKey, nodePath, type ServiceUrl } from '../dubbo/index.js';
import { DuplicateRegistrationError } from '../errors.js';
import { childOf, parentOf } from '../internal/path.js';
import type { ClaimState } from './claim.js';
import type { ClaimHold, Claims } from './claims.js';
import type { RegistrationState } from './registrationState.js';

/** What the registrations of one registry share. */
export interface RegistrationContext {
  /** The directory above all services. */
  readonly root: string;
  readonly claims: Claims;
  /** What is registered: each instance key, and the object that stands for the registration it belongs to. */
  readonly keys: Map<string, object>;
  /** Whether the registry is being closed, which leaves persistent nodes where they are. */
  readonly isClosing: () => boolean;
}

interface Held {
  readonly key: string;
  readonly ephemeral: boolean;
  readonly hold: ClaimHold;
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
 * The urls come complete, as they shall be written; `undefined` withdraws the registration until the next url. When `urls`
 * completes, the last one stays registered.
 */
export function register(
  urls: Observable<ServiceUrl | undefined>,
  context: RegistrationContext,
): Observable<RegistrationState> {
  const { root, claims, keys, isClosing } = context;
  return defer(() => {
    const registration = {};
    let standing: Held | undefined;
    let coming: Held | undefined;
    /** What was asked for and moved away from before it was known to stand, but may stand all the same. */
    let perhaps: Held[] = [];

    const take = (url: ServiceUrl): Held & { path: string } => {
      const key = instanceKey(url);
      const holder = keys.get(key);
      if (holder !== undefined && holder !== registration) throw new DuplicateRegistrationError(key);
      const path = nodePath(root, url);
      keys.set(key, registration);
      const ephemeral = url.parameter('dynamic') !== 'false';
      // What this registry moves away from is let go when the new node stands, and not before.
      const isFormer = (name: string): boolean => keyIn(name) === key && !claims.has(childOf(parentOf(path), name));
      return {
        key,
        ephemeral,
        path,
        hold: claims.hold({ path, ephemeral, isSame: isFormer }, standing?.hold),
      };
    };

    /** What is left standing when the registry is closed, if that is what the last url asks for. */
    const leave = (held: Held | undefined): void => {
      if (held) keys.delete(held.key);
    };

    const release = (held: Held | undefined): void => {
      if (!held) return;
      held.hold.release();
      const kept = [standing, coming, ...perhaps].some((other) => other !== held && other?.key === held.key);
      if (!kept) keys.delete(held.key);
    };

    /** What is not known to stand any more needs no place among what may. */
    const prune = (): void => {
      const ended = perhaps.filter(({ hold }) => !hold.mayStand());
      perhaps = perhaps.filter(({ hold }) => hold.mayStand());
      ended.forEach(release);
    };

    const releaseAll = (): void => {
      const former = [standing, coming, ...perhaps];
      const last = coming ?? standing;
      standing = coming = undefined;
      perhaps = [];
      for (const held of former) {
        if (held?.ephemeral === false && last?.ephemeral === false && isClosing()) leave(held);
        else release(held);
      }
    };

    const moveTo = (url: ServiceUrl): Observable<RegistrationState> => {
      const next = take(url);
      const outdated = coming;
      coming = next;
      if (outdated) perhaps.push(outdated);
      outdated?.hold.setAside();
      prune();
      return next.hold.states.pipe(
        takeWhile((state) => state.status !== 'released'),
        tap((state) => {
          if (state.status !== 'registered' || coming !== next) return;
          const former = [standing, ...perhaps];
          standing = next;
          coming = undefined;
          perhaps = [];
          former.forEach(release);
        }),
        map((state) => describe(url, next.path, state)),
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

/** The key of the instance that a node's name speaks of; `undefined` for a name that cannot be read. */
function keyIn(name: string): string | undefined {
  try {
    return instanceKey(fromNodeName(name));
  } catch {
    return undefined;
  }
}

function describe(url: ServiceUrl, path: string, state: ClaimState): RegistrationState {
  switch (state.status) {
    case 'registered':
      return { status: 'registered', url, path };
    case 'suspended':
      return { status: 'suspended', url, path, cause: state.cause };
    case 'released':
    case 'pending':
      return 'cause' in state ? { status: 'pending', url, cause: state.cause } : { status: 'pending', url };
  }
}

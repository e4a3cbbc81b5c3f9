import {
  combineLatest,
  connect,
  defer,
  distinctUntilChanged,
  filter,
  map,
  type Observable,
  startWith,
  tap,
} from 'rxjs';
import { isFatalError } from '../../connection/index.js';
import type { ServiceUrl } from '../../dubbo/index.js';
import type { RegistrationState as InterfaceState } from '../../registration/index.js';
import type { ApplicationRegistrar } from '../providing/registrar.js';
import { instanceLevel, type InstanceReport } from './instanceLevel.js';
import { type Omission, place } from './placement.js';
import type { RegisterMode, RegistrationLevel, RegistrationState } from './registrationState.js';

/** What the registrations of one registry share. */
export interface LevelsContext {
  readonly mode: RegisterMode;
  readonly registrar: ApplicationRegistrar;
  readonly keys: Map<string, object>;
  /** Registers at the interface level. */
  readonly register: (urls: Observable<ServiceUrl | undefined>) => Observable<InterfaceState>;
  /** Told of each URL that is registered. */
  readonly onRegistered: (url: ServiceUrl) => void;
  /** Told of each provider that cannot be registered at the level of applications. */
  readonly onOmitted: (url: ServiceUrl, omission: Omission) => void;
}

/**
 * Keeps the newest of `urls` registered at each level that the mode asks for, and tells of all levels as of one registration.
 *
 * ```text
 *  interface    p----r-----------s----r-----
 *  instance     p-------r--------s-------r--    p: pending, r: registered, s: suspended
 *  all          p-------r--------s----p--r--
 * ```
 *
 * A level that the registry refuses is left out as long as there is another one; in mode `instance` the refusal is an error, unless
 * the instance was registered before.
 */
export function registerLevels(
  urls: Observable<ServiceUrl | undefined>,
  { mode, registrar, keys, register, onRegistered, onOmitted }: LevelsContext,
): Observable<RegistrationState> {
  return urls.pipe(
    map((url) => place(url, mode)),
    tap(({ url, omission }) => {
      if (url) onRegistered(url);
      if (url && omission) onOmitted(url, omission);
    }),
    connect((placements) =>
      combineLatest([
        // First, so that what it says of a URL is known when the interface level speaks of it.
        instanceLevel(placements, registrar, keys),
        register(placements.pipe(map(({ url, atInterface }) => (atInterface ? url : undefined)))).pipe(
          startWith<InterfaceState | undefined>(undefined),
        ),
      ]),
    ),
    described(),
    distinctUntilChanged(isSameState),
  );
}

function described(): (
  source: Observable<[InstanceReport, InterfaceState | undefined]>,
) => Observable<RegistrationState> {
  return (source) =>
    defer(() => {
      let announced: ServiceUrl | undefined;
      let stood = false;
      return source.pipe(
        map(([report, atInterface]) => {
          const { url } = report.placement;
          if (report.placement.atInterface) return atBoth(report, atInterface);
          if (report.instance?.state.status === 'registered') stood = true;
          if (!report.instance) return announced && { status: 'withdrawn' as const, url: announced };
          announced = url;
          return atInstance(url!, report.instance, stood);
        }),
        filter((state) => state !== undefined),
      );
    });
}

/** `undefined` where the two levels do not speak of the same URL yet. */
function atBoth(
  { placement, instance }: InstanceReport,
  state: InterfaceState | undefined,
): RegistrationState | undefined {
  if (!state) return undefined;
  if (state.status === 'withdrawn') return placement.url ? undefined : state;
  if (!placement.url?.equals(state.url)) return undefined;
  if (state.status !== 'registered') return state;
  if (instance?.state.status === 'pending' && !instance.state.cause) return { status: 'pending', url: state.url };
  const levels: RegistrationLevel[] =
    instance?.state.status === 'registered' ? ['interface', 'instance'] : ['interface'];
  return { ...state, levels };
}

function atInstance(
  url: ServiceUrl,
  { path, state }: NonNullable<InstanceReport['instance']>,
  stood: boolean,
): RegistrationState {
  switch (state.status) {
    case 'registered':
      return { status: 'registered', url, path, levels: ['instance'] };
    case 'suspended':
      return { status: 'suspended', url, path, cause: state.cause };
    case 'refused':
      if (!stood && isFatalError(state.cause)) throw state.cause;
      return { status: 'pending', url, cause: state.cause };
    case 'pending':
      return state.cause ? { status: 'pending', url, cause: state.cause } : { status: 'pending', url };
    case 'released':
      return { status: 'pending', url };
  }
}

function isSameState(a: RegistrationState, b: RegistrationState): boolean {
  const levelsOf = (state: RegistrationState): string => ('levels' in state ? state.levels.join() : '');
  return (
    a.status === b.status &&
    a.url === b.url &&
    levelsOf(a) === levelsOf(b) &&
    ('cause' in a ? a.cause : undefined) === ('cause' in b ? b.cause : undefined) &&
    ('path' in a ? a.path : undefined) === ('path' in b ? b.path : undefined)
  );
}

import { defer, map, merge, type Observable, of, type SchedulerLike } from 'rxjs';
import type { BackoffOptions } from '../../connection/index.js';
import type { ServiceUrl } from '../../dubbo/index.js';
import { InvalidOptionError } from '../../errors.js';
import { checked } from '../../internal/options.js';
import type { ConnectionState } from '../../port/index.js';
import type { Registrations, RegistrationState as InterfaceState } from '../../registration/index.js';
import { applicationPaths } from '../applicationPaths.js';
import { flawOfApplication } from '../formats/applicationName.js';
import { ApplicationRegistrar } from '../providing/registrar.js';
import type { LevelWarnings } from './levelWarnings.js';
import { place } from './placement.js';
import { registerLevels } from './registerLevels.js';
import type { RegisterMode, RegistrationState } from './registrationState.js';

/** How providers are registered, as a registry is told. */
export interface ProvidingOptions {
  /**
   * The levels at which providers are registered: `all`, `interface` or `instance`.
   *
   * With `all`, a provider that cannot be registered as an instance of an application is registered at the interface level, with a
   * warning; with `instance` that is an error. Consumers and rules are at the interface level in any case.
   *
   * @defaultValue `all`
   */
  readonly registerMode?: RegisterMode | undefined;
  /** The application of providers and consumers whose URL does not name one. @defaultValue none */
  readonly application?: string | undefined;
}

/** What a {@link Providing} needs of its registry. */
export interface ProvidingContext extends ProvidingOptions {
  readonly group: string | undefined;
  /** The backend's name: applications on etcd are written as dubbo-go writes them. */
  readonly backend: string;
  readonly retry?: BackoffOptions;
  readonly scheduler: SchedulerLike;
  readonly warnings: LevelWarnings;
  /** What is registered, at whatever level: each instance key, and the object that stands for its registration. */
  readonly keys: Map<string, object>;
  readonly registrations: Pick<Registrations, 'gone' | 'releases' | 'mayOwn'>;
  /** Registers at the interface level. */
  readonly register: (urls: Observable<ServiceUrl | undefined> | (() => ServiceUrl)) => Observable<InterfaceState>;
}

const MODES: readonly string[] = ['all', 'interface', 'instance'] satisfies RegisterMode[];

/** Registers providers at both levels of Dubbo. */
export class Providing {
  readonly mode: RegisterMode;
  readonly #application: string | undefined;
  readonly #context: ProvidingContext;
  readonly #registrar: ApplicationRegistrar;

  /** @throws InvalidOptionError for a mode or an application that there cannot be. */
  constructor(connection: Observable<ConnectionState>, context: ProvidingContext) {
    const { registerMode = 'all', application, group, backend, warnings, retry, scheduler } = context;
    const fits = MODES.includes(registerMode);
    this.mode = checked('registerMode', registerMode, MODES.map((mode) => `"${mode}"`).join(', '), fits);
    const isName = typeof application === 'string' && flawOfApplication(application) === undefined;
    if (application !== undefined && !isName)
      throw new InvalidOptionError('application', '1 to 200 letters, digits, ".", "_" and "-"', application);
    this.#application = application;
    this.#context = context;
    this.#registrar = new ApplicationRegistrar(connection, {
      ...(retry && { retry }),
      scheduler,
      paths: applicationPaths(group),
      form: backend === 'etcd' ? 'go' : 'curator',
      onRefused: ({ address, path }, cause) => warnings.onRefused(address, path, cause),
    });
  }

  /** Whether there may be nodes that go only with the session. */
  get mayOwn(): boolean {
    return this.#context.registrations.mayOwn || this.#registrar.mayOwn;
  }

  /** The URL as it is registered: with the application of the registry, where it names none. */
  withApplication(url: ServiceUrl): ServiceUrl {
    const belongs = url.category === 'providers' || url.category === 'consumers';
    if (this.#application === undefined || !belongs || url.parameter('application')) return url;
    return url.with({ parameters: { application: this.#application } });
  }

  /** See `Registry.register`; the URLs come complete. */
  register(urls: Observable<ServiceUrl | undefined> | (() => ServiceUrl)): Observable<RegistrationState> {
    if (typeof urls !== 'function') return this.#atLevels(urls);
    return defer(() => {
      const url = urls();
      return place(url, this.mode).address ? this.#atLevels(of(url)) : this.#atInterface(url);
    });
  }

  /** One URL that has no place at the level of applications. */
  #atInterface(url: ServiceUrl): Observable<RegistrationState> {
    const { warnings, register } = this.#context;
    const { omission } = place(url, this.mode);
    warnings.onRegistered(url);
    if (omission) warnings.onOmitted(url, omission);
    return register(() => url).pipe(
      map((state) => (state.status === 'registered' ? { ...state, levels: ['interface'] } : state)),
    );
  }

  #atLevels(urls: Observable<ServiceUrl | undefined>): Observable<RegistrationState> {
    const { warnings, register, keys } = this.#context;
    return registerLevels(urls, {
      mode: this.mode,
      registrar: this.#registrar,
      keys,
      register,
      onRegistered: (url) => warnings.onRegistered(url),
      onOmitted: (url, omission) => warnings.onOmitted(url, omission),
    });
  }

  /** Completes when nothing of a registration is left that has been let go. */
  gone(url: ServiceUrl, path: string): Observable<never> {
    const { address } = place(url, this.mode);
    const instance = address ? [this.#registrar.settled(address)] : [];
    return merge(this.#context.registrations.gone(path), ...instance);
  }

  /** Completes when everything that was let go is taken back. */
  releases(): Observable<never> {
    return merge(this.#context.registrations.releases(), this.#registrar.releases());
  }
}

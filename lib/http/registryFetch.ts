import { catchError, lastValueFrom, of, retry, throwError } from 'rxjs';
import type { ServiceQuery } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { milliseconds, optionalFunction, optionsObject, wholeNumber } from '../internal/options.js';
import type { Registry } from '../registry.js';
import type { RegistryPicker, RegistryPickerOptions } from '../registryPicker.js';
import { mayRetry, Unserved } from './retryRules.js';
import { hostNameOf, namedUrl, type NamedUrl } from './serviceNames.js';

/** A service that is called by its name. */
export interface FetchedService extends RegistryPickerOptions {
  /** Who may be called. */
  readonly query: ServiceQuery;
}

/** How {@link registryFetch} calls. */
export interface RegistryFetchOptions {
  /**
   * The services that are called by name: the name of an interface, a query, or a query with how to choose. All other hosts are left to
   * `fetch`. Two services of one interface need a function each.
   */
  readonly services: readonly (string | ServiceQuery | FetchedService)[];
  /** How often a request that failed is sent to another instance, if it may be. @defaultValue 2 */
  readonly retries?: number | undefined;
  /** Which answers count as failures, and are asked for elsewhere if they may be. @defaultValue 502, 503 and 504 */
  readonly retryStatuses?: readonly number[] | undefined;
  /** How long a request may take until its answer begins, with all retries, in milliseconds. @defaultValue no limit */
  readonly deadlineMs?: number | undefined;
  /** What sends the requests. @defaultValue the global `fetch` */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** `fetch`, with names of services for hosts. */
export interface RegistryFetch extends Disposable {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Stops following the registry; closing the registry does so, too. */
  close(): void;
}

/**
 * Makes a `fetch` that calls services by name: `http://com.acme.Catalog/items` goes to an instance of `com.acme.Catalog`.
 *
 * Who gets a request is chosen by a picker for each service, which follows the registry from now on. A request goes to another instance
 * where it may be: with a method that can be repeated (GET, HEAD, OPTIONS, PUT, DELETE), when there is no answer, or one of
 * `retryStatuses`; with any other only when no connection could be made, so that nothing was sent. A body that is a stream is
 * sent once. After the last attempt you get its answer, or its error.
 *
 * A request counts as under way until its answer begins. Rejects with `NO_INSTANCE` if there is nobody to call, with `TIMEOUT` at the
 * deadline, with `CLOSED` after the end, with the reason of the request's signal, and with what `fetch` rejects with.
 *
 * @param registry - Where the services are.
 * @param options - Which services, and how they are called.
 * @throws InvalidOptionError for an option that cannot be.
 *
 * @example
 * ```ts
 * const fetch = registryFetch(registry, { services: ['com.acme.Catalog', { interface: 'com.acme.Users', version: '*' }] });
 * const items = await (await fetch('http://com.acme.Catalog/items')).json();
 * ```
 */
export function registryFetch(registry: Pick<Registry, 'picker'>, options: RegistryFetchOptions): RegistryFetch {
  const { services, retries = 2, retryStatuses = [502, 503, 504], deadlineMs, fetch } = optionsObject(options);
  if (!Array.isArray(services)) throw new InvalidOptionError('services', 'a list of services', services);
  wholeNumber('retries', retries, 0, 100);
  if (deadlineMs !== undefined) milliseconds('deadlineMs', deadlineMs, 0);
  const send =
    optionalFunction('fetch', fetch) ??
    ((...request: Parameters<typeof globalThis.fetch>) => globalThis.fetch(...request));
  const known = (services as RegistryFetchOptions['services']).map(serviceOf);
  const hosts = new Set<string>();
  for (const { query } of known) {
    const host = hostNameOf(query);
    if (hosts.has(host)) throw new InvalidOptionError('services', 'one service for each host', query.interface);
    hosts.add(host);
  }
  const failing = new Set(retryStatuses);
  const pickers = new Map<string, RegistryPicker>();
  for (const { query, ...choice } of known) pickers.set(hostNameOf(query), registry.picker(query, choice));

  const call = (picker: RegistryPicker, url: NamedUrl, input: string | URL | Request, init: RequestInit) => {
    const request = input instanceof Request ? input : undefined;
    const method = init.method ?? request?.method ?? 'GET';
    const signal = init.signal ?? request?.signal;
    const once = picker.use(
      async ({ address }, context) => {
        const target = `${url.scheme}://${address}${url.rest}`;
        const signals = signal ? AbortSignal.any([context.signal, signal]) : context.signal;
        // A copy of the request keeps the body for the next attempt.
        const copy = request ? new Request(target, request.clone()) : target;
        const response = await send(copy, { ...init, signal: signals });
        if (failing.has(response.status)) throw new Unserved(response);
        return response;
      },
      { ...(signal && { signal }), ...(deadlineMs !== undefined && { deadlineMs }) },
    );
    const attempts = isReplayable(init.body) ? retries : 0;
    return lastValueFrom(
      once.pipe(
        retry({
          count: attempts,
          delay: (error: unknown) => {
            if (signal?.aborted || !mayRetry(error, method)) return throwError(() => error);
            if (error instanceof Unserved) void error.response.body?.cancel();
            return of(0);
          },
        }),
        catchError((error: unknown) => (error instanceof Unserved ? of(error.response) : throwError(() => error))),
      ),
    );
  };

  const close = (): void => {
    for (const picker of pickers.values()) picker.close();
  };
  const fetchByName = (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = namedUrl(input instanceof Request ? input.url : String(input));
    const picker = url && pickers.get(url.name);
    return picker ? call(picker, url, input, init) : send(input, init);
  };
  return Object.assign(fetchByName, { close, [Symbol.dispose]: close });
}

function serviceOf(service: string | ServiceQuery | FetchedService): FetchedService {
  if (typeof service === 'string') return { query: { interface: service } };
  if (typeof service !== 'object' || service === null) {
    throw new InvalidOptionError('services', 'names of interfaces, or queries', service);
  }
  return 'query' in service ? service : { query: service };
}

/** Whether a body can be sent again. */
function isReplayable(body: RequestInit['body']): boolean {
  if (typeof body !== 'object' || body === null) return true;
  return !(body instanceof ReadableStream) && !(Symbol.asyncIterator in body);
}

import { Inject } from '@nestjs/common';
import { type ServiceQuery, type ServiceUrl, toQuery } from '../dubbo/index.js';

/** What the registry is injected by: see {@link InjectRegistry}. */
export const REGISTRY: unique symbol = Symbol('rx-registry');
/** What the options of the module are injected by. */
export const MODULE_OPTIONS: unique symbol = Symbol('rx-registry options');

/**
 * What the picker of a query is injected by: the same for all forms of one query.
 *
 * @throws InvalidUrlError or InvalidOptionError for what is no query.
 */
export function pickerToken(query: string | ServiceUrl | ServiceQuery): string {
  const isName = typeof query === 'string' && !query.includes('/');
  const { path, parameters } = toQuery(isName ? { interface: query } : query);
  const sorted = [...parameters].filter(([name]) => name !== 'interface').sort();
  return `rx-registry picker of ${path}${sorted.map(([name, value]) => ` ${name}=${value}`).join()}`;
}

/**
 * Injects the `Registry` of {@link RegistryModule.forRoot}.
 *
 * @example
 * ```ts
 * constructor(@InjectRegistry() private readonly registry: Registry) {}
 * ```
 */
export function InjectRegistry(): ParameterDecorator & PropertyDecorator {
  return Inject(REGISTRY);
}

/**
 * Injects the `RegistryPicker` that {@link RegistryModule.forFeature} made of the same query.
 *
 * @param query - The name of an interface, or a query in any of its forms.
 * @throws InvalidUrlError or InvalidOptionError for what is no query.
 *
 * @example
 * ```ts
 * constructor(@InjectPicker('com.acme.Users') private readonly users: RegistryPicker) {}
 * ```
 */
export function InjectPicker(query: string | ServiceUrl | ServiceQuery): ParameterDecorator & PropertyDecorator {
  return Inject(pickerToken(query));
}

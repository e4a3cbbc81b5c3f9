import type { MonoTypeOperatorFunction } from 'rxjs';
import { matcher, type ServiceQuery, ServiceUrl, toQuery } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { InstanceLedger, type InstanceSet } from '../instances/index.js';
import { drive } from './drive.js';
import { SetFollower } from './setFollower.js';
import type { SetMachine } from './setMachine.js';

/** What {@link where} keeps; what is not named is not asked for. */
export interface InstanceQuery extends Partial<ServiceQuery> {
  /** The parameter `dubbo.tag`: a value, a comma list of values, or `*`; empty for instances without tag. */
  readonly tag?: string | undefined;
  /** Parameters by name, each as `tag`: a value, a comma list, `*` for any, or empty for none. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
}

/** Whether an instance is to be kept; always the same answer for the same instance. */
export type InstancePredicate = (instance: ServiceUrl, key: string) => boolean;

const TAG = 'dubbo.tag';

/**
 * Keeps the instances that a query or a predicate asks for.
 *
 * ```text
 *  sets                          --A-----AaB---AaC----|
 *  where((instance) => isUpper)  --A-----AB----AC-----|
 * ```
 *
 * A query names what is asked for, and only that: `{ version: '1.0,1.1' }` takes those versions of any group. Its fields mean
 * what they mean in `matcher`, Dubbo's rules; `tag` is a provider's `dubbo.tag`. A `consumer://` URL, as text or value, is
 * Dubbo's question as a whole: without group it asks for services without group.
 *
 * Emits a set for every one of the source that changes what is kept, the first one always. A predicate is asked once for
 * every instance that comes or changes, not for the others. Cold if the source is; completes and errors with it, and errors
 * with what the predicate throws.
 *
 * @throws InvalidOptionError if a field is unknown or no string; InvalidUrlError if a URL cannot be read.
 *
 * @example
 * ```ts
 * instances.pipe(where({ version: '2.0', tag: 'gray' }));
 * instances.pipe(where(({ host }) => host !== '10.0.0.13'));
 * ```
 */
export function where(
  wanted: string | ServiceUrl | InstanceQuery | InstancePredicate,
): MonoTypeOperatorFunction<InstanceSet> {
  const keeps = typeof wanted === 'function' ? wanted : predicateOf(wanted);
  return drive(() => new Filter(keeps));
}

function predicateOf(query: string | ServiceUrl | InstanceQuery): InstancePredicate {
  if (typeof query === 'string' || query instanceof ServiceUrl) return matcher(toQuery(query));
  if (typeof query !== 'object' || query === null) {
    throw new InvalidOptionError('query', 'a predicate, a consumer URL, or an object of what is asked for', query);
  }
  const { tag, parameters, ...fields } = query;
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  const asked = matcher(toQuery({ ...ANYTHING, ...Object.fromEntries(named) }));
  const values = Object.entries(record(parameters)).map(
    ([name, value]) => [name, valueFilter(`parameters.${name}`, value)] as const,
  );
  if (tag !== undefined) values.push([TAG, valueFilter('tag', tag)]);
  return (instance) => asked(instance) && values.every(([name, fits]) => fits(instance.parameter(name)));
}

const ANYTHING: ServiceQuery = {
  interface: '*',
  group: '*',
  version: '*',
  category: '*',
  enabled: '*',
};

function record(parameters: unknown): Readonly<Record<string, string>> {
  if (parameters === undefined) return {};
  if (typeof parameters === 'object' && parameters !== null) return parameters as Readonly<Record<string, string>>;
  throw new InvalidOptionError('parameters', 'an object of values by name', parameters);
}

/** Java takes an empty tag for none. */
function valueFilter(option: string, wanted: unknown): (value: string | undefined) => boolean {
  if (typeof wanted !== 'string') throw new InvalidOptionError(option, 'a string', wanted);
  if (wanted === '*') return (value) => Boolean(value);
  const words = new Set(wanted.split(',').map((word) => word.trim()));
  return (value) => words.has(value ?? '');
}

class Filter implements SetMachine<InstanceSet> {
  readonly #source = new SetFollower();
  readonly #ledger = new InstanceLedger();
  readonly #keeps: InstancePredicate;

  constructor(keeps: InstancePredicate) {
    this.#keeps = keeps;
  }

  get set(): InstanceSet {
    return this.#ledger.set;
  }

  take(set: InstanceSet): boolean {
    const isFirst = !this.#source.hasBegun;
    const changes = this.#source.follow(set);
    const kept = changes.map(({ key, after }) => [key, after && this.#keeps(after, key) ? after : undefined] as const);
    return this.#ledger.write(kept).length > 0 || isFirst;
  }
}

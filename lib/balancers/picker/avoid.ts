import { instanceKey, ServiceUrl } from '../../dubbo/index.js';
import { InvalidOptionError } from '../../errors.js';

/** Instances not to call: one or several, each as it is in the set or by its key (see `instanceKey`), or what tells them. */
export type Avoid = ServiceUrl | string | Iterable<ServiceUrl | string> | ((instance: ServiceUrl) => boolean);

/** Whether an instance is to be avoided. */
export type Avoids = (instance: ServiceUrl, key: string) => boolean;

/**
 * Reads what is to be avoided; `undefined` if that is nothing.
 *
 * @throws InvalidOptionError if it names no instances.
 */
export function readAvoid(avoid: Avoid | undefined): Avoids | undefined {
  if (avoid === undefined) return undefined;
  if (typeof avoid === 'function') return avoid;
  const isOne = typeof avoid === 'string' || avoid instanceof ServiceUrl;
  const names: readonly unknown[] = isOne ? [avoid] : isIterable(avoid) ? [...avoid] : refuse(avoid);
  const keys = new Set(names.map((name) => (name instanceof ServiceUrl ? instanceKey(name) : name)));
  for (const key of keys) if (typeof key !== 'string') refuse(key);
  return keys.size === 0 ? undefined : (_, key) => keys.has(key);
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

function refuse(value: unknown): never {
  throw new InvalidOptionError('avoid', 'instances, their keys, or a function that tells them', value);
}

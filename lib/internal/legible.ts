/** What `util.inspect` hands to those who show themselves. */
export type Inspect = (value: unknown, options?: object) => string;

/** The method by which an object shows itself to `console.log` and `util.inspect` of Node.js, Bun and Deno. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** What `util.inspect` shows of an object: its name, and what it says of itself. */
export function inspected(
  name: string,
  shown: unknown,
  options: object | undefined,
  inspect: Inspect | undefined,
): string {
  return `${name} ${inspect ? inspect(shown, options) : JSON.stringify(shown)}`;
}

/**
 * Lets a plain object show itself as text, as JSON and to `console.log`, as it is otherwise: what is added is not enumerable.
 *
 * @param show - What is shown of it, without secrets.
 */
export function legible<T extends object>(target: T, name: string, show: (target: T) => Record<string, unknown>): T {
  if (!Object.isExtensible(target) || Object.hasOwn(target, 'toJSON')) return target;
  const methods = {
    toJSON: () => show(target),
    toString: () => `${name} ${JSON.stringify(show(target))}`,
    [INSPECT]: (_depth: number, options: object, inspect: Inspect) => inspected(name, show(target), options, inspect),
  };
  for (const key of Reflect.ownKeys(methods)) {
    Object.defineProperty(target, key, { value: methods[key as keyof typeof methods], configurable: true });
  }
  return target;
}

/** An error as it stands in JSON and in short texts: what it says, and of what kind it is. */
export function shownError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message } = error;
  const code = (error as { code?: unknown }).code;
  return { name, ...(typeof code === 'string' && { code }), message };
}

/** A map in a parsed document. @throws Error that names it if it is none. */
export function recordIn(what: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw unexpected(what, 'a map', value);
}

/** A list in a parsed document. @throws Error that names it if it is none. */
export function listIn(what: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unexpected(what, 'a list', value);
}

/** Text, or what Dubbo takes for text: YAML has numbers and truth values where Java has strings. */
export function textIn(what: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw unexpected(what, 'a text or a number', value);
}

/** A list of texts, empty if there is none. */
export function textsIn(what: string, value: unknown): readonly string[] {
  return value === undefined || value === null ? [] : listIn(what, value).map((entry) => textIn(what, entry));
}

/** A truth value as Java reads it: everything but `true` is `false`; and as YAML 1.1 writes it too. */
export function isTrue(value: unknown): boolean {
  return value === true || (typeof value === 'string' && /^(?:true|yes|on)$/i.test(value));
}

function unexpected(what: string, expected: string, value: unknown): Error {
  const got = Array.isArray(value)
    ? 'a list'
    : value === null || value === undefined
      ? 'nothing'
      : `a ${kindOf(value)}`;
  return new Error(`expected ${what} to be ${expected}, got ${got}.`);
}

function kindOf(value: unknown): string {
  return typeof value === 'object' ? 'map' : typeof value;
}

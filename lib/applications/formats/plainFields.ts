import { parseJson } from '../../config/formats/parseJson.js';
import { UnreadableNodeError } from '../../errors.js';

/** A JSON object from the registry, whose fields may be anything. */
export type PlainObject = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON object that anybody may have written.
 *
 * @param what - What it should be, for the error: `an instance`.
 * @throws UnreadableNodeError if it is none, is too large, is nested too deeply, or has a key `__proto__`.
 */
export function readObject(data: Uint8Array, what: string): PlainObject {
  if (data.length === 0) throw new UnreadableNodeError(`Expected ${what} as JSON, got a node without content.`);
  const value = parsed(new TextDecoder().decode(data), what);
  if (isObject(value)) return value;
  throw new UnreadableNodeError(`Expected ${what} as a JSON object, got ${typeName(value)}.`);
}

function parsed(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new UnreadableNodeError(`Expected ${what} as JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Whether a value is an object with fields. */
export function isObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field, whatever the case of its name: Java, Curator and Go spell the same field differently. */
export function fieldOf(object: PlainObject, ...names: readonly string[]): unknown {
  for (const name of names) if (Object.hasOwn(object, name)) return object[name];
  const lower = names.map((name) => name.toLowerCase());
  return Object.entries(object).find(([name]) => lower.includes(name.toLowerCase()))?.[1];
}

/** A text that is not empty; `undefined` for everything else. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** A port from 1 to 65535, as a number or as its text; `undefined` for everything else. */
export function portOf(value: unknown): number | undefined {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** The fields of an object that are texts, numbers or switches, as texts; what else there is, is left out. */
export function textsOf(value: unknown): ReadonlyMap<string, string> {
  if (!isObject(value)) return new Map();
  return new Map(
    Object.entries(value).flatMap(([name, field]): [string, string][] =>
      typeof field === 'string' || typeof field === 'number' || typeof field === 'boolean'
        ? [[name, String(field)]]
        : [],
    ),
  );
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

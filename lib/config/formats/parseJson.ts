import { checkPlain } from './checkPlain.js';
import { anyOf, checkSize, type Limits } from './checkSize.js';

const isStructure = anyOf('[{:');

/** What becomes an object or one of its keys, which costs far more than an item of a list. */
const LIMITS: Limits = {
  characters: 1_048_576,
  isMark: (text, index) => isStructure(text.charCodeAt(index)),
  marks: 32_768,
  called: 'lists, objects and colons',
};

/** More than fit into the longest text. */
const MOST_VALUES = 1_000_000;

/**
 * Reads JSON.
 *
 * @returns A plain value.
 * @throws Error that says why not, without a piece of the text, which may be a secret.
 */
export function parseJson(text: string): unknown {
  checkSize(text, 'JSON', LIMITS);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON.');
  }
  checkPlain(value, MOST_VALUES);
  return value;
}

import { checkPlain } from './checkPlain.js';

/**
 * Reads JSON.
 *
 * @returns A plain value.
 * @throws Error that says why not, without a piece of the text, which may be a secret.
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON.');
  }
  checkPlain(value);
  return value;
}

import { getProperties } from 'properties-file';
import { anyOf, checkSize, type Limits } from './checkSize.js';

const isLineBreak = anyOf('\n\r');

const LIMITS: Limits = {
  characters: 1_048_576,
  isMark: (text, index) => isLineBreak(text.charCodeAt(index)),
  marks: 16_384,
  called: 'line breaks',
};

/**
 * Reads `.properties` as `java.util.Properties` does.
 *
 * @returns Values by name, as a record without prototype, so that no name can mean anything but itself.
 * @throws Error that says why not, without a piece of the text, which may be a secret.
 */
export function parseProperties(text: string): Readonly<Record<string, string>> {
  checkSize(text, '.properties', LIMITS);
  try {
    return Object.assign(Object.create(null) as Record<string, string>, getProperties(text));
  } catch {
    throw new Error('it is not .properties (a \\u without four hexadecimal digits).');
  }
}

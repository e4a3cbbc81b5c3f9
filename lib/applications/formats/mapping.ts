import { isApplicationName } from './applicationName.js';

/** More applications than any interface has; a node of a megabyte could name half a million. */
const MOST_APPLICATIONS = 1_000;

/**
 * The applications that a mapping node names: a comma list, which a reader has to trim.
 *
 * What cannot be the name of an application is left out, and so is everything after the first thousand names.
 *
 * @example
 * ```ts
 * applicationsIn('shop, rxapp'); // ['shop', 'rxapp']
 * ```
 */
export function applicationsIn(text: string): string[] {
  return [...new Set(elementsOf(text).filter(isApplicationName))].slice(0, MOST_APPLICATIONS);
}

/**
 * The content of a mapping node with one more application; `undefined` if it is named already.
 *
 * Blanks go: dubbo-go does not find an application behind one.
 */
export function withApplication(text: string, application: string): string | undefined {
  const elements = elementsOf(text);
  const isClean = elements.join(',') === text;
  if (elements.includes(application) && isClean) return undefined;
  return [...new Set([...elements, application])].join(',');
}

function elementsOf(text: string): string[] {
  return text
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
}

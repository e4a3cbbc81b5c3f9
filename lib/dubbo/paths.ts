import { InvalidOptionError, InvalidUrlError, UnreadableNodeError } from '../errors.js';
import { UNFIT_FOR_PATHS } from '../internal/path.js';
import { decodeComponent, encodeComponent } from './encoding.js';
import { MAX_NAME_LENGTH, toNodeName } from './nodeName.js';
import { quoted } from '../internal/quoted.js';
import type { ServiceUrl } from './serviceUrl.js';

/** The directories that a service can have. */
export const CATEGORIES = ['providers', 'consumers', 'routers', 'configurators'] as const;

/**
 * The directory that holds everything of one registry group: `/dubbo`, unless the group says otherwise.
 *
 * @param group - The registry's group, with or without leading slash; `/` is the root itself.
 * @returns An absolute path without trailing slash.
 * @throws {@link InvalidOptionError} when it is no path.
 *
 * @example
 * ```ts
 * rootPath(); // '/dubbo'
 * rootPath('/shop/eu'); // '/shop/eu'
 * ```
 */
export function rootPath(group = 'dubbo'): string {
  return directoryOf('group', group);
}

/** The directory that an option names, with or without leading slash. */
export function directoryOf(option: string, text: string): string {
  const expected = 'a path without empty, "." and ".." segments and control characters';
  // Plain JavaScript may hand in anything.
  if (typeof text !== 'string') throw new InvalidOptionError(option, expected, text);
  if (text === '/') return text;
  const path = text.startsWith('/') ? text : `/${text}`;
  const unfit = (segment: string) => isUnfit(segment) || UNFIT_FOR_PATHS.test(segment);
  if (path.slice(1).split('/').some(unfit)) throw new InvalidOptionError(option, expected, text);
  return path;
}

/**
 * The directory of one service.
 *
 * @param root - What {@link rootPath} returned.
 * @param interfaceName - The interface, as it is; it gets encoded.
 * @throws {@link InvalidUrlError} when no directory can have that name, as with `*`, which stands for all of them.
 *
 * @example
 * ```ts
 * servicePath('/dubbo', 'com.foo.Outer$Inner'); // '/dubbo/com.foo.Outer%24Inner'
 * ```
 */
export function servicePath(root: string, interfaceName: string): string {
  if (isUnfit(interfaceName) || interfaceName === '*') {
    throw new InvalidUrlError(`Expected an interface that can name a directory, got ${quoted(interfaceName)}.`);
  }
  return child(root, encodeComponent(interfaceName));
}

/**
 * The directory of one category of one service.
 *
 * @param root - What {@link rootPath} returned.
 * @param interfaceName - The interface, as it is; it gets encoded.
 * @param category - One of {@link CATEGORIES}, or a word of your own; it is not encoded, as in Java.
 * @throws {@link InvalidUrlError} when the interface or the category cannot name a directory.
 *
 * @example
 * ```ts
 * categoryPath('/dubbo', 'com.foo.Bar', 'providers'); // '/dubbo/com.foo.Bar/providers'
 * ```
 */
export function categoryPath(root: string, interfaceName: string, category: string): string {
  if (isUnfit(category) || !/^[\w.-]+$/.test(category)) {
    throw new InvalidUrlError(`Expected a category of letters, digits, ".", "_" and "-", got ${quoted(category)}.`);
  }
  return child(servicePath(root, interfaceName), category);
}

/**
 * The node of one service URL.
 *
 * @param root - What {@link rootPath} returned.
 * @param url - The service; its interface and category say where it belongs.
 * @throws {@link InvalidUrlError} when it cannot be written.
 *
 * @example
 * ```ts
 * nodePath('/dubbo', ServiceUrl.parse('tri://10.0.0.1:50051/com.foo.Bar'));
 * // '/dubbo/com.foo.Bar/providers/tri%3A%2F%2F10.0.0.1%3A50051%2Fcom.foo.Bar'
 * ```
 */
export function nodePath(root: string, url: ServiceUrl): string {
  return child(categoryPath(root, url.interface, url.category), toNodeName(url));
}

/**
 * The interface that a service directory belongs to: the inverse of {@link servicePath}'s last segment.
 *
 * @param name - The directory's name, without the path before it.
 * @throws {@link UnreadableNodeError} when it is not encoded as any Dubbo encodes it, or can be no part of a path.
 *
 * @example
 * ```ts
 * interfaceOfDirectory('com.foo.Outer%24Inner'); // 'com.foo.Outer$Inner'
 * ```
 */
export function interfaceOfDirectory(name: string): string {
  if (isUnfit(name) || UNFIT_FOR_PATHS.test(name)) {
    throw new UnreadableNodeError('Expected the name of a service, got one that no path can have in it.');
  }
  if (name.length > MAX_NAME_LENGTH) {
    throw new UnreadableNodeError(`Expected a name of at most ${MAX_NAME_LENGTH} characters, got ${name.length}.`);
  }
  return decodeComponent(name);
}

function child(parent: string, segment: string): string {
  return parent === '/' ? `/${segment}` : `${parent}/${segment}`;
}

function isUnfit(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..';
}

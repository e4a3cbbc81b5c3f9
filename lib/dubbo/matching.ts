import { CATEGORIES } from './paths.js';
import type { ServiceUrl } from './serviceUrl.js';

/**
 * Prepares the question whether a node is what a query asks for, by the rules of Java's `UrlUtils.isMatch`.
 *
 * The interface is equal, or either is `*`. The category is one of the query's: see `categoriesOf`. The node is not
 * `enabled=false`, and a provider not `disabled=true`, unless the query says `enabled=*`. The group is equal, one of the query's comma list, or the query's is
 * `*`; absent is equal to absent, and not to empty. So is the version, where Java knows no list. The classifier is equal,
 * or the query has none or `*`.
 *
 * Categories are compared as words, where Java looks for a substring; and a rule without `category` counts as what its
 * protocol implies, where Java takes it for a provider.
 *
 * @param query - What is asked for, usually a `consumer://` URL.
 * @returns A predicate, cheap enough to be asked of each node at every change.
 *
 * @example
 * ```ts
 * const wanted = nodes.filter(matcher(ServiceUrl.parse('consumer://0.0.0.0/com.foo.Bar?group=a,b&version=*')));
 * ```
 */
export function matcher(query: ServiceUrl): (provider: ServiceUrl) => boolean {
  const belongs = serviceMatcher(query);
  const isOn = switchFilter(query);
  return (provider) => belongs(provider) && isOn(provider);
}

/** Whether a node is of the service that a query asks for, switched on or not: all that {@link matcher} asks but that. */
export function serviceMatcher(query: ServiceUrl): (provider: ServiceUrl) => boolean {
  const interfaceName = query.interface;
  const inCategory = categoryFilter(query);
  const inGroup = listFilter(query.group);
  const inVersion = listFilter(query.version);
  const classifier = query.parameter('classifier') || '*';
  return (provider) => {
    const provided = provider.interface;
    return (
      (provided === interfaceName || provided === '*' || interfaceName === '*') &&
      inGroup(provider.group) &&
      inVersion(provider.version) &&
      inCategory(provider.category) &&
      (classifier === '*' || classifier === (provider.parameter('classifier') || '*'))
    );
  };
}

/**
 * Whether a node is what a query asks for; for many nodes and one query see {@link matcher}, whose rules these are.
 *
 * @param query - What is asked for, usually a `consumer://` URL.
 * @param provider - What there is.
 *
 * @example
 * ```ts
 * matches(ServiceUrl.parse('consumer://0.0.0.0/com.foo.Bar'), ServiceUrl.parse('dubbo://10.0.0.1:20880/com.foo.Bar')); // true
 * ```
 */
export function matches(query: ServiceUrl, provider: ServiceUrl): boolean {
  return matcher(query)(provider);
}

/**
 * The categories whose directories a query asks for: `providers`, unless its `category` parameter says otherwise.
 *
 * The parameter is a comma list; `*` in it means all four, and `-routers` all four but that one, whatever stands beside it.
 *
 * @param query - What is asked for.
 * @returns The categories, each once.
 *
 * @example
 * ```ts
 * categoriesOf(ServiceUrl.parse('consumer://0.0.0.0/com.foo.Bar?category=providers,configurators'));
 * // ['providers', 'configurators']
 * ```
 */
export function categoriesOf(query: ServiceUrl): readonly string[] {
  const words = categoryWords(query);
  if (words.includes('*') || isNegative(words)) return CATEGORIES.filter(categoryFilter(query));
  return [...new Set(words)];
}

function categoryFilter(query: ServiceUrl): (category: string) => boolean {
  const words = categoryWords(query);
  if (words.includes('*')) return () => true;
  if (isNegative(words)) return (category) => !words.includes(`-${category}`);
  return (category) => words.includes(category);
}

function categoryWords(query: ServiceUrl): readonly string[] {
  const words = wordsOf(query.parameter('category') ?? '');
  return words.length === 0 ? ['providers'] : words;
}

function isNegative(words: readonly string[]): boolean {
  return words.some((word) => word.startsWith('-'));
}

function listFilter(wanted: string | undefined): (value: string | undefined) => boolean {
  if (wanted === '*') return () => true;
  if (!wanted?.includes(',')) return (value) => value === wanted;
  const words = new Set(wordsOf(wanted));
  return (value) => value === wanted || (value !== undefined && words.has(value));
}

function wordsOf(list: string): string[] {
  return list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** Whether a node that is of the service is told to who asks: all are to who says `enabled=*`. */
export function switchFilter(query: ServiceUrl): (provider: ServiceUrl) => boolean {
  if (query.parameter('enabled') === '*') return () => true;
  return (node) => {
    const enabled = node.parameter('enabled');
    if (enabled && !isTrue(enabled)) return false;
    // In a rule, it is what the rule sets.
    return node.category !== 'providers' || !isSwitchedOff((name) => node.parameter(name));
  };
}

/**
 * Whether a provider that says that of itself gets no calls: `disabled=true`, or else `enabled=false`, empty ones not counted.
 *
 * Source: Java's `RegistryDirectory.toInvokers`.
 */
export function isSwitchedOff(parameter: (name: string) => string | undefined): boolean {
  const disabled = parameter('disabled');
  if (disabled) return isTrue(disabled);
  const enabled = parameter('enabled');
  return Boolean(enabled) && !isTrue(enabled!);
}

function isTrue(text: string): boolean {
  return text.toLowerCase() === 'true';
}

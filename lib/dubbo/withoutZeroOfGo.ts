import type { ServiceUrl } from './serviceUrl.js';

/** How a provider of dubbo-go says what it is. */
const OF_GO = 'dubbo-golang-';

/**
 * A provider of dubbo-go without its weight, where that is 0.
 *
 * dubbo-go writes 0 for every provider that is given no weight. Taken at its word, such a provider would get no calls beside others.
 */
export function withoutZeroOfGo(url: ServiceUrl): ServiceUrl {
  if (url.parameters.get('weight') !== '0' || url.category !== 'providers') return url;
  return url.parameter('release')?.startsWith(OF_GO) ? url.with({ parameters: { weight: undefined } }) : url;
}

import type { ServiceUrl } from '../dubbo/index.js';

/** Where a registration stands; `url` is what is announced, with everything that was added to it. */
export type RegistrationState =
  /** Not there yet, or not any more, and worked on; `cause` says what is in the way. */
  | { readonly status: 'pending'; readonly url: ServiceUrl; readonly cause?: Error }
  /** Seen in the registry, as ours. */
  | { readonly status: 'registered'; readonly url: ServiceUrl; readonly path: string }
  /** The connection is gone; consumers see the node as long as the session lives, which our clock still vouches for. */
  | { readonly status: 'suspended'; readonly url: ServiceUrl; readonly path: string; readonly cause: Error }
  /** The stream of URLs asked for nothing: the node is gone, or being taken back; `url` is what was announced before. */
  | { readonly status: 'withdrawn'; readonly url: ServiceUrl; readonly cause?: undefined };

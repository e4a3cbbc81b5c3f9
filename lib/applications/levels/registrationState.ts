import type { ServiceUrl } from '../../dubbo/index.js';

/**
 * Where a provider can be registered: with a node for each service, which every Dubbo reads, or with a node for each instance of an
 * application, where consumers of Dubbo 3 look.
 */
export type RegistrationLevel = 'interface' | 'instance';

/** The levels at which providers are registered: both, as Dubbo 3 does by default, or one. */
export type RegisterMode = 'all' | RegistrationLevel;

/** Where a registration stands; `url` is what is announced, with everything that was added to it. */
export type RegistrationState =
  /** Not there yet, or not any more, and worked on; `cause` says what is in the way. */
  | { readonly status: 'pending'; readonly url: ServiceUrl; readonly cause?: Error }
  /**
   * Seen in the registry, as ours, at each level that it stands at: one that the registry refuses, or that the service cannot be
   * registered at, is not among `levels`.
   */
  | {
      readonly status: 'registered';
      readonly url: ServiceUrl;
      readonly path: string;
      readonly levels: readonly RegistrationLevel[];
    }
  /** The connection is gone; consumers see the node as long as the session lives, which our clock still vouches for. */
  | { readonly status: 'suspended'; readonly url: ServiceUrl; readonly path: string; readonly cause: Error }
  /** The stream of URLs asked for nothing: the node is gone, or being taken back; `url` is what was announced before. */
  | { readonly status: 'withdrawn'; readonly url: ServiceUrl; readonly cause?: undefined };

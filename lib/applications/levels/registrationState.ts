import type { RegistrationState as InterfaceState } from '../../registration/index.js';

/**
 * Where a provider can be registered: with a node for each service, which every Dubbo reads, or with a node for each instance of an
 * application, where consumers of Dubbo 3 look.
 */
export type RegistrationLevel = 'interface' | 'instance';

/** The levels at which providers are registered: both, as Dubbo 3 does by default, or one. */
export type RegisterMode = 'all' | RegistrationLevel;

/** Seen in the registry, as ours, at each level that it stands at. */
type Registered = Extract<InterfaceState, { readonly status: 'registered' }> & {
  /** The levels that stand: one that the registry refuses, or that the service cannot be registered at, is not among them. */
  readonly levels: readonly RegistrationLevel[];
};

/** Where a registration stands; `url` is what is announced, with everything that was added to it. */
export type RegistrationState = Exclude<InterfaceState, { readonly status: 'registered' }> | Registered;

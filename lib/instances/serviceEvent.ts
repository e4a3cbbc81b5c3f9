import type { ServiceUrl } from '../dubbo/index.js';

/**
 * A change of who is there.
 *
 * Legal at every moment: `add` only of what is absent, `update` only of what is present and differs in more than
 * `timestamp` and `pid`, `delete` only of what is present.
 */
export type ServiceEvent =
  | { readonly type: 'add'; readonly key: string; readonly service: ServiceUrl }
  | { readonly type: 'update'; readonly key: string; readonly service: ServiceUrl; readonly previous: ServiceUrl }
  | { readonly type: 'delete'; readonly key: string; readonly service: ServiceUrl };

import type { NodeChange } from '../support/history/serverHistory.js';

/** What the name of a provider's node says: the judge's own reading, which shares nothing with what it judges. */
export interface ProviderNode {
  readonly path: string;
  readonly interface: string;
  /** `host:port/interface`: which instance. */
  readonly key: string;
  /** Which of all its registrations. */
  readonly serial: string;
  readonly owner: string | undefined;
}

/** Reads the path of a provider's node; undefined if it is none of ours. */
export function readProviderNode({ path, owner }: Omit<NodeChange, 'type'>): ProviderNode | undefined {
  const [, service, name] = /^\/dubbo\/([^/]+)\/providers\/([^/]+)$/.exec(path) ?? [];
  if (!service || !name) return undefined;
  try {
    const url = new URL(decodeURIComponent(name).replace(/^dubbo:/, 'http:'));
    const serial = url.searchParams.get('serial');
    if (!serial) return undefined;
    return { path, interface: service, key: `${url.host}${url.pathname}`, serial, owner };
  } catch {
    return undefined;
  }
}

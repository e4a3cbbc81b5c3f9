// The server of the example as the contract wants it: with clients whose network can fail, and a way to look behind their backs.
import type { ContractClient, ContractServer } from 'rx-registry/backend/testing';
import { httpBackend } from './httpBackend.js';
import type { HttpServer } from './httpServer.js';

export function contractServer(server: HttpServer, url: string): ContractServer {
  const base64 = (text = ''): string => Buffer.from(text).toString('base64');
  const { operations } = server;
  const pathsBelow = (path: string): readonly string[] => {
    const { names } = operations['list']!({ path }) as { names: readonly string[] };
    return names.flatMap((name) => [...pathsBelow(`${path}/${name}`), `${path}/${name}`]);
  };
  return {
    shortTimeoutMs: 1_000,
    longTimeoutMs: 10_000,
    client: async (sessionTimeoutMs) => {
      const network = unreliableNetwork();
      const reconnect = { baseMs: 10, maxMs: 50 };
      return { backend: httpBackend({ url, sessionTimeoutMs, reconnect, fetch: network.fetch }), ...network };
    },
    expire: async ({ id }) => server.end(id),
    knows: async ({ id }) => server.sessions.has(id),
    watches: async () => server.watches,
    create: async (path, data) => void operations['create']!({ path, data: base64(data) }),
    write: async (path, data) => void operations['write']!({ path, data: base64(data) }),
    remove: async (path) => void operations['remove']!({ path }),
    removeTree: async (path) => {
      for (const each of [...pathsBelow(path), path]) operations['remove']!({ path: each });
    },
    read: async (path) => {
      const { node } = operations['read']!({ path }) as { node?: { data: string; owner?: string } };
      return node && { data: Buffer.from(node.data, 'base64').toString(), owner: node.owner };
    },
  };
}

/** A `fetch` that can be cut off, or made to lose everything without a sign. */
function unreliableNetwork(): Omit<ContractClient, 'backend'> & { readonly fetch: typeof globalThis.fetch } {
  let isSilent = false;
  let connected = new AbortController();
  return {
    cut: () => connected.abort(),
    blackHole: () => (isSilent = true),
    heal: () => {
      isSilent = false;
      if (connected.signal.aborted) connected = new AbortController();
    },
    fetch: async (url, init) => {
      const signal = AbortSignal.any([connected.signal, init!.signal!]);
      signal.throwIfAborted();
      if (isSilent)
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      const response = await fetch(url, { ...init, signal });
      const heard = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          if (!isSilent) controller.enqueue(chunk);
        },
      });
      return new Response(response.body!.pipeThrough(heard), response);
    },
  };
}

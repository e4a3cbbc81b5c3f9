import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import type { Names } from './actors.js';

let names: Names = {};

/** Has this process resolve some host names by itself: to an address, or not at all where that is `''`. */
export function setNames(known: Names): void {
  names = known;
}

// Whoever resolves a name – sockets, gRPC – does it through these.
const { lookup } = dns;
const lookupAsPromised = dns.promises.lookup;

type Callback = (error: Error | null, found?: string | { address: string; family: number }[], family?: number) => void;

function lookupHere(name: string, options: dns.LookupOptions | Callback, callback?: Callback): void {
  const answer = (callback ?? options) as Callback;
  const address = names[name];
  if (address === undefined) return (lookup as (...args: unknown[]) => void)(name, options, callback);
  const all = typeof options === 'object' && options.all;
  setImmediate(() => {
    if (address === '') answer(notFound(name));
    else if (all) answer(null, [{ address, family: 4 }]);
    else answer(null, address, 4);
  });
}

async function lookupHereAsPromised(name: string, options?: dns.LookupOptions) {
  const address = names[name];
  if (address === undefined) return lookupAsPromised(name, options ?? {});
  if (address === '') throw notFound(name);
  return options?.all ? [{ address, family: 4 }] : { address, family: 4 };
}

function notFound(name: string): Error {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), {
    ...{ code: 'ENOTFOUND', errno: -3008, syscall: 'getaddrinfo', hostname: name },
  });
}

dns.lookup = lookupHere as typeof dns.lookup;
dns.promises.lookup = lookupHereAsPromised as typeof dns.promises.lookup;
syncBuiltinESMExports();

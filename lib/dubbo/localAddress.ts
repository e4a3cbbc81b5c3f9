import { host } from '../internal/host.js';

/** An address of a network interface, as `networkInterfaces()` of `node:os` tells it. */
export interface InterfaceAddress {
  readonly address: string;
  readonly family: string;
  readonly internal: boolean;
}

/**
 * The address under which others probably reach this host.
 *
 * The first IPv4 address that is not internal; on a host without any, the first such IPv6 address that is not bound to one
 * link; and `127.0.0.1` on a host without network. Where there are several networks this is a guess: give the host in the
 * URL, or set `DUBBO_IP_TO_REGISTRY`.
 *
 * @param interfaces - The network interfaces, those of this host by default.
 * @returns An address without brackets.
 *
 * @example
 * ```ts
 * localAddress(); // '10.0.0.1'
 * ```
 */
export function localAddress(
  interfaces: Readonly<Record<string, readonly InterfaceAddress[] | undefined>> = host().networkInterfaces(),
): string {
  const outside = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal);
  const found =
    outside.find(({ family }) => family === 'IPv4') ??
    outside.find(({ family, address }) => family === 'IPv6' && !/^fe80:/i.test(address));
  return found?.address ?? '127.0.0.1';
}

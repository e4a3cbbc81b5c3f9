import { type AfterHole, type Direction, type FaultProxy, startFaultProxy } from '../proxy/faultProxy.js';

/** The way of one process to all servers, which can fail apart from everybody else's. */
export class Network {
  /** One for each server, in their order. */
  readonly proxies: readonly FaultProxy[];

  constructor(proxies: readonly FaultProxy[]) {
    this.proxies = proxies;
  }

  /** Their addresses, comma-separated. */
  get addresses(): string {
    return this.proxies.map(({ address }) => address).join(',');
  }

  /** The same with a name for the host. */
  addressesAt(host: string): string {
    return this.proxies.map(({ port }) => `${host}:${port}`).join(',');
  }

  get connections(): number {
    return this.proxies.reduce((sum, { connections }) => sum + connections, 0);
  }

  get accepted(): number {
    return this.proxies.reduce((sum, { accepted }) => sum + accepted, 0);
  }

  blackHole(direction: Direction | 'both'): void {
    for (const proxy of this.proxies) proxy.blackHole(direction);
  }

  heal(inHole: AfterHole = 'destroy'): void {
    for (const proxy of this.proxies) proxy.heal({ inHole });
  }

  delay(ms: number): void {
    for (const proxy of this.proxies) proxy.delay(ms);
  }

  throttle(bytesPerSecond: number): void {
    for (const proxy of this.proxies) proxy.throttle(bytesPerSecond);
  }

  dropConnections(): void {
    for (const proxy of this.proxies) proxy.dropConnections();
  }

  cutAfter(bytes: number, direction: Direction): void {
    for (const proxy of this.proxies) proxy.cutAfter(bytes, direction);
  }

  async close(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }
}

/** Makes a way to servers. */
export async function startNetwork(servers: readonly { readonly port: number }[]): Promise<Network> {
  return new Network(await Promise.all(servers.map(({ port }) => startFaultProxy({ port }))));
}

/** What a provider's name says, as somebody would read it who uses nothing but the platform. */
export interface Provider {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
}

export function decodeProvider(name: string): Provider {
  const { protocol, hostname, port, pathname, searchParams } = new URL(decodeURIComponent(name));
  return {
    protocol: protocol.slice(0, -1),
    host: hostname,
    port: Number(port),
    path: pathname.slice(1),
    parameters: new Map(searchParams),
  };
}

/** The list that follows names: what was there before is not decoded again. */
export function decodeAll(
  names: readonly string[],
  before: ReadonlyMap<string, Provider> = new Map(),
): Map<string, Provider> {
  return new Map(names.map((name) => [name, before.get(name) ?? decodeProvider(name)]));
}

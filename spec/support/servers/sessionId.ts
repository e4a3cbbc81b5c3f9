/** Writes a session id as the server's own reports do: `0x` and hexadecimal digits without leading zeros. */
export function formatSessionId(id: Buffer | bigint): string {
  const number = typeof id === 'bigint' ? BigInt.asUintN(64, id) : id.readBigUInt64BE();
  return `0x${number.toString(16)}`;
}

/** Reads a session id, either the eight bytes of the protocol or what {@link formatSessionId} writes. */
export function parseSessionId(id: string | Buffer): bigint {
  return BigInt.asIntN(64, typeof id === 'string' ? BigInt(id) : id.readBigInt64BE());
}

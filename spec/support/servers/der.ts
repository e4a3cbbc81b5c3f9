/** One element of DER, the binary form of ASN.1: a tag, a length and the content. */
export function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  // As few bytes as hold the length, after their number.
  const length = Buffer.from([body.length >> 8, body.length & 0xff]).subarray(body.length > 0xff ? 0 : 1);
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

export const sequence = (...content: readonly Buffer[]): Buffer => der(0x30, ...content);
export const set = (...content: readonly Buffer[]): Buffer => der(0x31, ...content);
export const boolean = (value: boolean): Buffer => der(0x01, Buffer.from([value ? 0xff : 0]));
export const octetString = (content: Buffer): Buffer => der(0x04, content);
export const utf8String = (text: string): Buffer => der(0x0c, Buffer.from(text));
/** A bit string of whole bytes. */
export const bitString = (content: Buffer): Buffer => der(0x03, Buffer.from([0]), content);
/** The tag `[n]` around an element. */
export const explicit = (n: number, content: Buffer): Buffer => der(0xa0 | n, content);
/** The tag `[n]` in the place of a primitive element's own. */
export const implicit = (n: number, content: Buffer): Buffer => der(0x80 | n, content);

/** A positive number, given by its bytes. */
export function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes[0]! < 0x80 ? bytes : Buffer.concat([Buffer.from([0]), bytes]));
}

/** An object identifier, given as `1.2.840`. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...others] = text.split('.').map(Number);
  const base128 = (value: number): number[] => {
    const digits = [value & 0x7f];
    for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
    return digits;
  };
  return der(0x06, Buffer.from([first * 40 + second, ...others.flatMap(base128)]));
}

/** A time before the year 2050. */
export function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

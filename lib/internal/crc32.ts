/** For each byte, what it makes of a checksum of zero. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The CRC-32 of a text that comes piece by piece, each character as two bytes. */
export class Crc32 {
  #value = 0xffffffff;

  add(text: string): void {
    let value = this.#value;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      value = TABLE[(value ^ unit) & 0xff]! ^ (value >>> 8);
      value = TABLE[(value ^ (unit >>> 8)) & 0xff]! ^ (value >>> 8);
    }
    this.#value = value;
  }

  /** Eight hexadecimal digits. */
  toString(): string {
    return ((this.#value ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0');
  }
}

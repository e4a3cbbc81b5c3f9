import { UnreadableNodeError } from '../../errors.js';

/** Deeper than any answer of a metadata service, and shallow enough for any stack. */
const DEEPEST = 64;

/** Writes a text as Hessian 2 does. */
export function hessianText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const { length } = text;
  if (length > 0xffff) throw new RangeError('Expected a text of at most 65535 characters.');
  const head =
    length < 32 ? [length] : length < 1_024 ? [0x30 + (length >> 8), length & 255] : [0x53, length >> 8, length & 255];
  return joined([Uint8Array.from(head), bytes]);
}

/** Writes an object of texts, without a type. */
export function hessianMap(texts: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(texts).flatMap((entry) => entry.map(hessianText));
  return joined([Uint8Array.of(0x48), ...entries, Uint8Array.of(0x5a)]);
}

/** Pieces as one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/**
 * Reads values of Hessian 2 that anybody may have written: objects and maps become objects, whatever their types are.
 *
 * Costs as much as there are bytes. Binary values and dates are refused; metadata has none.
 */
export class HessianReader {
  readonly #view: DataView;
  readonly #refs: unknown[] = [];
  readonly #classes: (readonly string[])[] = [];
  #types = 0;
  #offset = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * The next value.
   *
   * @throws UnreadableNodeError where there is none.
   */
  read(): unknown {
    if (this.#depth >= DEEPEST) throw new UnreadableNodeError(`Expected at most ${DEEPEST} levels, got more.`);
    this.#depth += 1;
    const value = this.#value(this.#byte());
    this.#depth -= 1;
    return value;
  }

  #value(tag: number): unknown {
    if (tag <= 0x1f || (tag >= 0x30 && tag <= 0x33) || tag === 0x53 || tag === 0x52) return this.#text(tag);
    if (tag >= 0x60 && tag <= 0x6f) return this.#object(tag - 0x60);
    if (tag >= 0x70 && tag <= 0x7f) {
      if (tag < 0x78) this.#type();
      return this.#list(tag & 7);
    }
    if (tag >= 0x80 || (tag >= 0x38 && tag <= 0x3f)) return this.#integer(tag);
    switch (tag) {
      case 0x4e:
        return null;
      case 0x54:
        return true;
      case 0x46:
        return false;
      case 0x49:
      case 0x59:
        return this.#view.getInt32(this.#skip(4));
      case 0x4c:
        return Number(this.#view.getBigInt64(this.#skip(8)));
      case 0x44:
        return this.#view.getFloat64(this.#skip(8));
      case 0x5b:
        return 0;
      case 0x5c:
        return 1;
      case 0x4d:
        this.#type();
        return this.#map();
      case 0x48:
        return this.#map();
      case 0x43:
        return this.#definition();
      case 0x4f:
        return this.#object(this.#index());
      case 0x51:
        return this.#refs[this.#index()];
      case 0x55:
      case 0x56:
        this.#type();
        return this.#list(tag === 0x56 ? this.#index() : Infinity);
      case 0x57:
      case 0x58:
        return this.#list(tag === 0x58 ? this.#index() : Infinity);
      default:
        throw new UnreadableNodeError(`Expected a value of Hessian 2, got the tag 0x${tag.toString(16)}.`);
    }
  }

  #text(tag: number): string {
    if (tag <= 0x1f) return this.#characters(tag);
    if (tag <= 0x33) return this.#characters(((tag - 0x30) << 8) + this.#byte());
    const chunk = this.#characters(this.#view.getUint16(this.#skip(2)));
    if (tag === 0x53) return chunk;
    const chunks = [chunk];
    let next = this.#byte();
    for (; next === 0x52; next = this.#byte()) chunks.push(this.#characters(this.#view.getUint16(this.#skip(2))));
    return [...chunks, this.#text(next)].join('');
  }

  /** Counted in UTF-16 units; Java writes each half of a surrogate pair by itself. */
  #characters(count: number): string {
    const units: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const first = this.#byte();
      if (first < 0x80) units.push(String.fromCharCode(first));
      else if ((first & 0xe0) === 0xc0) units.push(String.fromCharCode(((first & 0x1f) << 6) | this.#more()));
      else if ((first & 0xf0) === 0xe0) {
        units.push(String.fromCharCode(((first & 0xf) << 12) | (this.#more() << 6) | this.#more()));
      } else {
        // A character of four bytes, which counts as two.
        const point = ((first & 7) << 18) | (this.#more() << 12) | (this.#more() << 6) | this.#more();
        units.push(point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd');
        index += 1;
      }
    }
    return units.join('');
  }

  #integer(tag: number): number {
    if (tag >= 0x80 && tag <= 0xbf) return tag - 0x90;
    if (tag >= 0xc0 && tag <= 0xcf) return ((tag - 0xc8) << 8) + this.#byte();
    if (tag >= 0xd0 && tag <= 0xd7) return ((tag - 0xd4) << 16) + this.#view.getUint16(this.#skip(2));
    if (tag >= 0xd8 && tag <= 0xef) return tag - 0xe0;
    if (tag >= 0xf0) return ((tag - 0xf8) << 8) + this.#byte();
    return ((tag - 0x3c) << 16) + this.#view.getUint16(this.#skip(2));
  }

  #list(count: number): unknown[] {
    const list: unknown[] = [];
    this.#refs.push(list);
    while (list.length < count && !(count === Infinity && this.#isEnd())) list.push(this.read());
    return list;
  }

  #map(): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    this.#refs.push(map);
    while (!this.#isEnd()) this.#put(map, this.read(), this.read());
    return map;
  }

  #definition(): unknown {
    this.read();
    const count = this.#index();
    const fields: string[] = [];
    while (fields.length < count) fields.push(String(this.read()));
    this.#classes.push(fields);
    return this.read();
  }

  #object(index: number): Record<string, unknown> {
    const fields = this.#classes[index];
    if (!fields) throw new UnreadableNodeError('Expected an object of a class that is defined, got another.');
    const object: Record<string, unknown> = {};
    this.#refs.push(object);
    for (const field of fields) this.#put(object, field, this.read());
    return object;
  }

  #put(target: Record<string, unknown>, key: unknown, value: unknown): void {
    if (key === '__proto__') throw new UnreadableNodeError('Expected no key "__proto__".');
    if (typeof key === 'string') target[key] = value;
  }

  /** Types say nothing that matters here; they are a text, or the number of one that was there before. */
  #type(): void {
    const type = this.read();
    if (typeof type === 'string') this.#types += 1;
    else if (typeof type !== 'number' || type >= this.#types) throw new UnreadableNodeError('Expected a type.');
  }

  #index(): number {
    const index = this.read();
    if (typeof index === 'number' && Number.isSafeInteger(index) && index >= 0) return index;
    throw new UnreadableNodeError('Expected a count or an index, got another value.');
  }

  #isEnd(): boolean {
    if (this.#view.getUint8(this.#skip(0, 1)) !== 0x5a) return false;
    this.#offset += 1;
    return true;
  }

  #byte(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  #more(): number {
    return this.#byte() & 0x3f;
  }

  /** Where the next bytes are. */
  #skip(bytes: number, needed = bytes): number {
    const at = this.#offset;
    if (at + needed > this.#view.byteLength) throw new UnreadableNodeError('Expected more bytes of Hessian 2.');
    this.#offset += bytes;
    return at;
  }
}

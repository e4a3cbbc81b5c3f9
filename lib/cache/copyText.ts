import { Crc32 } from '../internal/crc32.js';

/** What a copy is of, and how good it was when. */
export interface CopyHeader {
  /** Which registry it is of. */
  readonly registry: string;
  /** What was asked of that registry. */
  readonly name: string;
  /** When it was right for the last time, in milliseconds since the epoch. */
  readonly keptAt: number;
}

/** A copy as it is read. */
export interface Copy<T> extends CopyHeader {
  readonly items: readonly T[];
}

const FORMAT = 'rx-registry-cache';
const VERSION = 1;
/** So many characters are worked on before the event loop turns: a millisecond or two. */
export const SLICE_CHARACTERS = 64 * 1_024;
/** No item is longer than that. */
const LONGEST_LINE = 4 * 1_024 * 1_024;

/**
 * The text of a copy: a line for the format, one that says what it is of, one for each item, and a checksum of them all. Pauses
 * after each slice.
 */
export function* copyText<T>(
  header: CopyHeader,
  items: readonly T[],
  textOf: (item: T) => string,
): Generator<void, string> {
  const checksum = new Crc32();
  const lines: string[] = [];
  let sliced = 0;
  const put = (line: string): void => {
    lines.push(line);
    checksum.add(`${line}\n`);
    sliced += line.length;
  };
  put(`${FORMAT} ${VERSION}`);
  put(JSON.stringify({ ...header, items: items.length }));
  for (const item of items) {
    if (sliced > SLICE_CHARACTERS) {
      sliced = 0;
      yield;
    }
    // JSON escapes whatever could be taken for the end of a line, or be another one after it was written.
    put(JSON.stringify(textOf(item)));
  }
  lines.push(`${checksum.toString()}\n`);
  return lines.join('\n');
}

/**
 * Reads a copy. Pauses after each slice.
 *
 * @param of - What it has to be a copy of.
 * @throws Error if it is not whole, of something else, or of another version: the message says which.
 */
export function* readCopy<T>(
  text: string,
  of: Pick<CopyHeader, 'registry' | 'name'>,
  parse: (text: string) => T,
): Generator<void, Copy<T>> {
  const checksum = new Crc32();
  let position = 0;
  const nextLine = (): string => {
    const end = text.indexOf('\n', position);
    if (end < 0) throw new Error('it is not whole');
    if (end - position > LONGEST_LINE) throw new Error('it has a line that is too long');
    const line = text.slice(position, end);
    position = end + 1;
    return line;
  };
  const checkedLine = (): string => {
    const line = nextLine();
    checksum.add(`${line}\n`);
    return line;
  };
  if (text === '') throw new Error('it is empty');
  checkFormat(text.slice(0, 64).split('\n')[0]!);
  checkedLine();
  const { items: count, ...header } = readHeader(checkedLine());
  if (header.registry !== of.registry) throw new Error('it is of another registry');
  if (header.name !== of.name) throw new Error('it is of another query');
  const lines: string[] = [];
  let sliced = position;
  while (lines.length < count) {
    lines.push(checkedLine());
    if (position - sliced <= SLICE_CHARACTERS) continue;
    sliced = position;
    yield;
  }
  if (nextLine() !== checksum.toString() || position !== text.length) throw new Error('its checksum is wrong');
  const items: T[] = [];
  sliced = 0;
  for (const line of lines) {
    items.push(parse(JSON.parse(line) as string));
    sliced += line.length;
    if (sliced <= SLICE_CHARACTERS) continue;
    sliced = 0;
    yield;
  }
  return { ...header, items };
}

function checkFormat(line: string): void {
  const [format, version] = line.split(' ');
  if (format !== FORMAT) throw new Error('it was not written by this package');
  if (version !== String(VERSION)) throw new Error(`its format has the version ${version}, which is not known`);
}

function readHeader(line: string): CopyHeader & { readonly items: number } {
  const header = parsed(line) as Partial<Record<keyof CopyHeader | 'items', unknown>> | null;
  const { registry, name, keptAt, items } = header ?? {};
  if (typeof registry !== 'string' || typeof name !== 'string') throw new Error('it does not say what it is of');
  if (!Number.isSafeInteger(keptAt) || !Number.isSafeInteger(items)) throw new Error('it does not say how old it is');
  return { registry, name, keptAt: keptAt as number, items: items as number };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw new Error('it is damaged');
  }
}

import { InvalidOptionError, RegistryError } from '../errors.js';

/** How the content of values is written: as UTF-8, or that in base64. */
export interface ConfigContent {
  encode(content: string): Uint8Array;
  /** @throws RegistryError with `UNREADABLE_VALUE`. */
  decode(data: Uint8Array): string;
}

const HALF_OF_A_PAIR = /\p{Cs}/u;

/** Content as text. */
export const PLAIN: ConfigContent = {
  encode: (content) => {
    if (typeof content !== 'string') throw new InvalidOptionError('content', 'a string', content);
    // It would be written as something else, and read so.
    if (HALF_OF_A_PAIR.test(content))
      throw new InvalidOptionError('content', 'text without half surrogate pairs', content);
    return new TextEncoder().encode(content);
  },
  decode: (data) => {
    try {
      // What stands at its beginning is the content's own.
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
    } catch (cause) {
      throw new RegistryError('UNREADABLE_VALUE', 'It is not UTF-8.', { cause });
    }
  },
};

/** Content as dubbo-go writes it with `base64=true`: the standard alphabet, padded. */
export const BASE_64: ConfigContent = {
  encode: (content) => Buffer.from(Buffer.from(PLAIN.encode(content)).toString('base64')),
  decode: (data) => {
    const text = withoutLineBreaks(data).toString('latin1');
    const bytes = Buffer.from(text, 'base64');
    // Node.js leaves out what is not of the alphabet, or ends there: then there are fewer bytes.
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    const isWhole = text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding;
    if (!isWhole || /[-_]/.test(text)) throw new RegistryError('UNREADABLE_VALUE', 'It is not base64.');
    return PLAIN.decode(bytes);
  },
};

const [CR, LF] = [13, 10];

function withoutLineBreaks(data: Uint8Array): Buffer {
  const kept = Buffer.alloc(data.length);
  let length = 0;
  for (const byte of data) if (byte !== CR && byte !== LF) kept[length++] = byte;
  return kept.subarray(0, length);
}

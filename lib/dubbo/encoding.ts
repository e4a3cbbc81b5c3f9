import { UnreadableNodeError } from '../errors.js';
import { quoted } from '../internal/quoted.js';

const NOTHING_TO_ENCODE = /^[\w.*-]*$/;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

/**
 * Encodes text as Java's `URLEncoder` does, byte for byte: the form in which Dubbo writes node and directory names.
 *
 * ASCII letters, digits and `.` `_` `*` `-` stay, a space becomes `+`, and everything else `%XX` of its UTF-8 bytes in
 * upper-case hex: Java's reader looks for an upper-case `%3F`. The one difference is half a surrogate pair, which Java
 * writes as `?` and so as the start of a query; here it becomes U+FFFD.
 *
 * @param text - Any text.
 * @returns The encoded text, pure ASCII.
 *
 * @example
 * ```ts
 * encodeComponent('com.foo.Outer$Inner'); // 'com.foo.Outer%24Inner'
 * encodeComponent('a b~'); // 'a+b%7E'
 * ```
 */
export function encodeComponent(text: string): string {
  if (NOTHING_TO_ENCODE.test(text)) return text;
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/**
 * Decodes text that Java, Go or JavaScript encoded: the inverse of {@link encodeComponent} and of its relatives.
 *
 * `+` is a space, hex may be of either case, and whatever is not an escape (`!'()*~`, but also `&` and `=`) stands for
 * itself. Bytes that are not UTF-8 become U+FFFD, as in Java. It takes time linear in the length of the text.
 *
 * @param text - The encoded text.
 * @returns The decoded text.
 * @throws {@link UnreadableNodeError} when a `%` is not followed by two hex digits.
 *
 * @example
 * ```ts
 * decodeComponent('a+b%2A*'); // 'a b**'
 * decodeComponent('100%'); // throws UnreadableNodeError
 * ```
 */
export function decodeComponent(text: string): string {
  const bad = text.search(BAD_ESCAPE);
  if (bad >= 0) {
    const found = quoted(text.slice(bad, bad + 3));
    throw new UnreadableNodeError(`Expected two hex digits after the "%" at character ${bad}, got ${found}.`);
  }
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    // The escapes are well formed, so the bytes behind them are not UTF-8: this one replaces where the other throws.
    return new URLSearchParams(`=${text.replaceAll('&', '%26')}`).get('') ?? '';
  }
}

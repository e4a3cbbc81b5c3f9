/** Long enough to be one, and nothing but the letters of base64: a path or a name has a dot or a dash somewhere. */
const BARE = /^["\s]*[\w+/=\s\\]{64,}["\s]*$/;

/** Whether a text may be a private key in PEM, or what is left of one: it must not be shown then. */
export function looksLikeKey(text: string): boolean {
  return text.includes('-----') || BARE.test(text);
}

// Hosts whose colons start ports, or stand in brackets, then a query: the `@` behind can only be part of a value.
const QUERY_BEFORE_AT = /^(?:[^@/?:[\]]|:\d{1,5}(?=[,/?])|\[[^@/?[\]]*\])*(?:\/[^@?]*)?\?[\w.-]+=/;

/** Names of parameters whose values are hidden: they hold what lets somebody in, or a private key. */
const SECRET_NAME = /^key$|passw(?:or)?d|secret|token/i;

/** Whether the value of a parameter is not for logs. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/**
 * Hides the user name and the password of one URL, or of one that stands encoded in a path, for messages and logs.
 *
 * It reads malformed URLs too, and errs on the side of hiding: a password may hold an unescaped `@`, `/` or `:`, so
 * everything up to the last `@` goes, unless that `@` can only stand in the query. The values of parameters that are called
 * something like `password`, `token` or `secret` are hidden as well.
 *
 * @param text - A URL, or what somebody took for one.
 * @returns The text with `***@` in place of `user:password@`.
 *
 * @example
 * ```ts
 * redact('zookeeper://app:secret@10.0.0.1:2181'); // 'zookeeper://***@10.0.0.1:2181'
 * ```
 */
export function redact(text: string): string {
  const start = text.indexOf('://') < 0 ? 0 : text.indexOf('://') + 3;
  const rest = text.slice(start);
  const end = rest.lastIndexOf('@');
  const bare = end < 0 || text.startsWith('/') || QUERY_BEFORE_AT.test(rest) ? rest : `***${rest.slice(end)}`;
  const hide = (all: string, name: string): string => (SECRET_NAME.test(name.slice(1)) ? `${name}=***` : all);
  const hideEncoded = (all: string, name: string): string => (SECRET_NAME.test(name.slice(3)) ? `${name}%3D***` : all);
  return (text.slice(0, start) + bare)
    .replace(/([?&][^?&=]*)=[^&]*/g, hide)
    .replace(/((?:%3F|%26)(?:(?!%3F|%26|%3D|\/).)*)%3D(?:(?!%26|\/).)*/gi, hideEncoded)
    .replace(/(%3A%2F%2F)(?:(?!%2F|%3F|\/).)*%40/gi, '$1***%40');
}

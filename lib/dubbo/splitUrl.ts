/** What stands between the separators of a URL, nothing of it decoded or validated but the protocol. */
export interface SplitUrl {
  readonly protocol: string;
  readonly userInfo: string | undefined;
  /** `host`, `host:port` or, in a registry address, a list of them. */
  readonly authority: string;
  /** Without leading slashes. */
  readonly path: string;
  readonly query: string | undefined;
}

/** A protocol as the URL standard spells it. */
export const PROTOCOL = /^[A-Za-z][A-Za-z0-9+.-]*$/;

/** Characters that no part of a URL before its query may hold. */
export const CONTROL = /\p{Cc}/u;

/**
 * Splits `protocol://[user[:password]@]authority[/path][?query]` by hand, at the places where Java's `URLStrParser` does.
 *
 * The platform's own `URL` would lower-case, escape, drop default ports and refuse half of what Dubbo writes.
 *
 * @returns The parts, or `undefined` when there is no protocol.
 */
export function splitUrl(text: string): SplitUrl | undefined {
  const mark = text.indexOf('?');
  const body = mark < 0 ? text : text.slice(0, mark);
  const colon = body.indexOf('://');
  if (colon < 0 || !PROTOCOL.test(body.slice(0, colon))) return undefined;
  const slash = body.indexOf('/', colon + 3);
  const end = slash < 0 ? body.length : slash;
  const user = body.slice(colon + 3, end).lastIndexOf('@');
  return {
    protocol: body.slice(0, colon),
    userInfo: user < 0 ? undefined : body.slice(colon + 3, colon + 3 + user),
    authority: body.slice(colon + 4 + user, end),
    path: withoutLeadingSlashes(body.slice(end)),
    query: mark < 0 ? undefined : text.slice(mark + 1),
  };
}

/**
 * Splits `host[:port]`, where the host may be an IPv6 address with or without brackets; port 0 is no port.
 *
 * Without brackets the last colon starts the port, as in Java, unless what follows or precedes it cannot be.
 *
 * @returns The host without brackets and the port, or `undefined` when it cannot be read.
 */
export function splitHostPort(text: string): { host: string; port: number | undefined } | undefined {
  const bracketed = /^\[([^[\]]*)\](?::(\d{1,5}))?$/.exec(text);
  if (bracketed?.[1]?.includes(':')) return withPort(bracketed[1], bracketed[2]);
  if (/[[\]@]/.test(text)) return undefined;
  const colon = text.lastIndexOf(':');
  if (colon < 0) return withPort(text, undefined);
  const host = text.slice(0, colon);
  const port = text.slice(colon + 1);
  if (!host.includes(':')) return /^\d{1,5}$/.test(port) ? withPort(host, port) : undefined;
  const cutsAnAddress = host.endsWith(':') && !host.endsWith('::');
  if (/^\d+$/.test(port) && !cutsAnAddress) return port.length > 5 ? undefined : withPort(host, port);
  return /^[0-9A-Fa-f:.]+(?:%.*)?$/.test(text) ? withPort(text, undefined) : undefined;
}

/** Splits `user[:password]` at the first colon. */
export function splitUserInfo(text: string): { username: string; password: string | undefined } {
  const colon = text.indexOf(':');
  if (colon < 0) return { username: text, password: undefined };
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Splits a query at `&`, and each piece at its first `=`; a piece without one has the value `undefined`. */
export function* splitQuery(query: string): Generator<readonly [name: string, value: string | undefined]> {
  for (const piece of query.split('&')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    yield equals < 0 ? [piece, undefined] : [piece.slice(0, equals), piece.slice(equals + 1)];
  }
}

/** The text without slashes at its beginning. */
export function withoutLeadingSlashes(text: string): string {
  let start = 0;
  while (text.charCodeAt(start) === 47) start++;
  return start === 0 ? text : text.slice(start);
}

function withPort(host: string, port: string | undefined): { host: string; port: number | undefined } | undefined {
  const number = Number(port ?? 0);
  return number > 65_535 ? undefined : { host, port: number === 0 ? undefined : number };
}

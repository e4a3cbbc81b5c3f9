import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';

/** The cookie that remembers a token. */
export const TOKEN_COOKIE = 'rx-registry-dashboard';

/** What a request may do: look, look after it has left its token in a cookie, or nothing. */
export type Verdict =
  | { readonly allowed: true; readonly setToken?: string }
  | { readonly allowed: false; readonly status: 401 | 403; readonly reason: string };

/** Who may look. */
export interface AccessRules {
  readonly token: string | undefined;
  readonly authorize: ((request: IncomingMessage) => boolean) | undefined;
}

/**
 * Whether a request may look.
 *
 * With `authorize`, that decides. With a token, who knows it: as `Authorization: Bearer …`, as `?token=…`, or in the cookie that
 * this one leaves. With neither, who is on this machine and asks for it by a name of this machine: another name may be one that
 * a foreign page has turned here, and a request that a proxy passes on may come from anywhere.
 */
export function judgeAccess(request: IncomingMessage, query: URLSearchParams, rules: AccessRules): Verdict {
  if (!isOfSameOrigin(request)) return refused(403, 'This page may not be read by pages of other sites.');
  const { token, authorize } = rules;
  if (authorize) return authorize(request) ? { allowed: true } : refused(403, 'You may not look at this.');
  if (token === undefined) {
    return isLocal(request)
      ? { allowed: true }
      : refused(403, 'Without a token, this can only be looked at on the machine that it runs on, as localhost.');
  }
  const proof = proofOf(token);
  const cookie = cookieOf(request);
  if (cookie !== undefined && isSame(cookie, proof)) return { allowed: true };
  const [scheme, credentials = ''] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && isSame(proofOf(credentials), proof)) return { allowed: true };
  const given = query.get('token');
  if (given !== null && isSame(proofOf(given), proof)) return { allowed: true, setToken: proof };
  return refused(401, 'This needs its token: open the link that was printed when it was started.');
}

function refused(status: 401 | 403, reason: string): Verdict {
  return { allowed: false, status, reason };
}

/** What stands in the cookie: it does not tell the token. */
function proofOf(token: string): string {
  return createHash('sha256').update(`${TOKEN_COOKIE}:${token}`).digest('base64url');
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function cookieOf({ headers }: IncomingMessage): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='));
  return pairs.find(([name]) => name === TOKEN_COOKIE)?.[1];
}

/** Browsers say which site makes a request; nobody else has to. */
function isOfSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const isNavigation = headers['sec-fetch-mode'] === 'navigate';
  if (headers['sec-fetch-site'] === 'cross-site' && !isNavigation) return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

function isLocal({ headers, socket }: IncomingMessage): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  const url = `http://${headers.host ?? ''}`;
  return URL.canParse(url) && isLoopback(new URL(url).hostname) && isLoopback(socket.remoteAddress ?? '');
}

/** Whether a name or an address is one of this machine for itself. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '').replace(/^::ffff:/i, '');
  return address === 'localhost' || address === '::1' || (isIPv4(address) && address.startsWith('127.'));
}

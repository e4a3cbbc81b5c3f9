import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { endWith, interval, map, merge, type Observable, ReplaySubject, Subject, takeUntil } from 'rxjs';
import { InvalidOptionError } from '../errors.js';
import { checked, optionalFunction, optionsObject } from '../internal/options.js';
import type { Registry } from '../registry.js';
import { judgeAccess, TOKEN_COOKIE } from './access.js';
import { Feed } from './feed.js';
import type { Message } from './messages.js';
import { BODY, SCRIPT, STYLE } from './page.js';

/** How a dashboard is served. */
export interface DashboardOptions {
  /**
   * What whoever looks must know: `?token=…` in the first link, or the header `Authorization: Bearer …`.
   *
   * @defaultValue none: only requests from this machine, to a name of this machine such as `localhost`, are answered
   */
  readonly token?: string | undefined;
  /** Decides in place of the token who may look, for servers that know their users. @defaultValue none */
  readonly authorize?: ((request: IncomingMessage) => boolean) | undefined;
  /** The path that the handler is called for, where the server does not cut it off. @defaultValue `''` */
  readonly basePath?: string | undefined;
  /** What stands at the top of the page. @defaultValue the kind of the registry, and its directory */
  readonly title?: string | undefined;
}

/** A handler of requests as `node:http` and Express call it. */
export interface Dashboard {
  (request: IncomingMessage, response: ServerResponse): void;
  /** Ends every stream of every page; the registry stays open. */
  close(): void;
}

/** A comment line now and then, so that proxies and browsers know that the stream lives. */
const BEAT_MS = 15_000;
/** A page that has so much to read yet is cut off; its browser comes again, and is told everything anew. */
const MOST_BUFFERED = 16_000_000;

const sha256 = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const PAGE =
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>rx-registry</title>' +
  '<meta name="viewport" content="width=device-width, initial-scale=1">' +
  `<link rel="icon" href="data:,"><style>${STYLE}</style></head><body>${BODY}<script>${SCRIPT}</script></body></html>`;

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': [
    `default-src 'none'`,
    `script-src ${sha256(SCRIPT)}`,
    `style-src ${sha256(STYLE)}`,
    `connect-src 'self'`,
    `img-src data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
    `require-trusted-types-for 'script'`,
    `trusted-types 'none'`,
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * Makes a live page of a registry: services and their instances as they come, change and go, the connection, warnings.
 *
 * The page is one document without anything from elsewhere, fed by server-sent events at `events` beside it. The registry is
 * followed while somebody looks, and a minute longer, once for all who look. Passwords never leave the process.
 *
 * @param registry - What is looked at; it stays open when the dashboard is closed.
 * @param options - Who may look, and where it is served.
 * @returns A handler for `node:http`, Express and others that pass on requests and responses of Node.js.
 * @throws InvalidOptionError
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 *
 * const registry = createRegistry('zookeeper://127.0.0.1:2181');
 * createServer(createDashboard(registry)).listen(8848, '127.0.0.1');
 * ```
 */
export function createDashboard(registry: Registry, options: DashboardOptions = {}): Dashboard {
  const { token, authorize, basePath = '', title } = optionsObject(options);
  if (typeof registry?.subscribe !== 'function') throw new InvalidOptionError('registry', 'a registry', registry);
  checked(
    'token',
    token,
    'a text of at least 8 characters',
    token === undefined || (isText(token) && token.length > 7),
  );
  checked('basePath', basePath, 'a path such as /registry', isText(basePath) && /^(?:\/[^/?#]+)*$/.test(basePath));
  checked('title', title, 'a text', title === undefined || isText(title));
  optionalFunction('authorize', authorize);

  const closing = new ReplaySubject<void>(1);
  const feed = new Feed(registry, title ?? nameOf(registry), closing);
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return answer(response, 405, 'Only GET and HEAD.');
    }
    const verdict = judgeAccess(request, url.searchParams, { token, authorize });
    if (!verdict.allowed) return answer(response, verdict.status, verdict.reason);
    if (verdict.setToken !== undefined) {
      // The token leaves the address bar, and with it the history.
      response.setHeader('set-cookie', `${TOKEN_COOKIE}=${verdict.setToken}; Path=/; HttpOnly; SameSite=Strict`);
      response.setHeader('location', '?');
      return answer(response, 303, 'See the page.');
    }
    const path = url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) : url.pathname;
    if (path === '' || path === '/') return answer(response, 200, PAGE, 'text/html; charset=utf-8');
    if (path !== '/events') return answer(response, 404, 'There is nothing here.');
    if (request.method === 'HEAD') return answer(response, 200, '', 'text/event-stream');
    stream(response, feed.messages(url.searchParams.get('service') ?? undefined));
  };
  return Object.assign(handle, { close: () => closing.next() });
}

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** Writes messages as server-sent events until they end or the other side leaves. */
function stream(response: ServerResponse, messages: Observable<Message>): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  const ended = new Subject<void>();
  const lines = messages.pipe(
    map((message) => `data: ${JSON.stringify(message)}\n\n`),
    endWith(''),
  );
  const beats = interval(BEAT_MS).pipe(map(() => ': \n\n'));
  const writing = merge(lines, beats)
    .pipe(takeUntil(ended))
    .subscribe((text) => {
      if (text === '') response.end();
      else if (response.writableLength > MOST_BUFFERED) response.destroy();
      else response.write(text);
    });
  response.once('close', () => {
    ended.next();
    writing.unsubscribe();
  });
  response.on('error', () => response.destroy());
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** What a registry says of itself, without secrets; one of somebody else's may say nothing. */
function nameOf(registry: Registry): string {
  const { backend, root } = (registry as { toJSON?: () => { backend?: unknown; root?: unknown } }).toJSON?.() ?? {};
  return [backend, root].filter(isText).join(' ') || 'registry';
}

// A small registry server that keeps nodes in memory and speaks HTTP: it stands for the server that you have.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

interface Stored {
  readonly path: string;
  /** In base64. */
  readonly data: string;
  readonly owner?: string | undefined;
  readonly version: number;
}

/** What a request may say. */
interface Request {
  readonly session?: string;
  readonly link?: number;
  readonly timeoutMs?: number;
  readonly path: string;
  readonly from?: string;
  readonly data?: string;
  readonly ephemeral?: boolean;
  readonly sequential?: boolean;
  readonly version?: number;
  readonly owner?: string;
  /** Names the operation, of one of several requests. */
  readonly operation?: string;
  readonly requests?: readonly Request[];
}

interface OpenSession {
  readonly timeoutMs: number;
  /** Counts its connections: a request that was sent on an earlier one comes too late. */
  link: number;
  timer: NodeJS.Timeout;
  stream: ServerResponse;
}

class Refusal extends Error {
  readonly code: string;
  constructor(code: string, message = code) {
    super(message);
    this.code = code;
  }
}

function refusal(error: unknown): object {
  const { code = 'SERVER_ERROR', message } = error as Refusal;
  return { code, message };
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

export class HttpServer {
  readonly sessions = new Map<string, OpenSession>();
  readonly #nodes = new Map<string, Stored>([['/', { path: '/', data: '', version: 0 }]]);
  readonly #watches = new Set<() => void>();
  readonly #http = createServer((request, response) => void this.#serve(request, response));
  #revision = 0;
  #ids = 0;

  /** Listens on a free port; resolves to its address. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const { timer } of this.sessions.values()) clearTimeout(timer);
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  get watches(): number {
    return this.#watches.size;
  }

  /** Ends a session, with its nodes. */
  end(id: string): void {
    const session = this.sessions.get(id);
    if (!session) return;
    this.sessions.delete(id);
    clearTimeout(session.timer);
    for (const { path, owner } of this.#nodes.values()) if (owner === id) this.#nodes.delete(path);
    this.#changed();
    session.stream.end(`${JSON.stringify({ code: 'SESSION_EXPIRED', message: 'The session has ended.' })}\n`);
  }

  /** What can be asked; each is carried out at once, so that none sees half of another. */
  readonly operations: Readonly<Record<string, (request: Request) => object>> = {
    ping: ({ session }) => {
      this.sessions.get(session!)?.timer.refresh();
      return {};
    },
    end: ({ session }) => (this.end(session!), {}),
    read: ({ path }) => ({ node: this.#nodes.get(path) }),
    list: ({ path }) => ({ names: this.#childrenOf(path) }),
    owned: ({ session }) => ({
      names: [...this.#nodes.values()].filter(({ owner }) => owner === session).map((node) => node.path),
    }),
    makeDirectory: ({ path }) => ({ node: this.#nodes.get(path) ?? this.#make(path, {}) }),
    create: (request) => {
      const path = request.sequential ? request.path + String(this.#revision).padStart(10, '0') : request.path;
      if (this.#nodes.has(path)) throw new Refusal('NODE_EXISTS', `${path} exists already.`);
      return { node: this.#make(path, request) };
    },
    takeOver: (request) => {
      this.#expect(request.path, request.version);
      if (this.#childrenOf(request.path).length > 0) throw new Refusal('NOT_EMPTY');
      return { node: this.#make(request.path, request) };
    },
    move: (request) => {
      const { from = '', path } = request;
      if (from === path || parentOf(from) !== parentOf(path)) throw new Refusal('CONFLICT', 'It is another directory.');
      if (this.#nodes.has(path)) throw new Refusal('NODE_EXISTS', `${path} exists already.`);
      this.#expect(from, request.version);
      this.#nodes.delete(from);
      return { node: this.#make(path, request) };
    },
    write: ({ path, data, ...condition }) => {
      const node = this.#nodes.get(path);
      if (!node) throw new Refusal('NO_NODE', `There is no ${path}.`);
      this.#check(node, condition);
      return { node: this.#put(path, data, node.owner) };
    },
    remove: ({ path, ...condition }) => {
      const node = this.#nodes.get(path);
      if (path === '/') throw new Refusal('INVALID_PATH', 'The root stays.');
      if (!node) return { removed: false };
      this.#check(node, condition);
      if (this.#childrenOf(path).length > 0) throw new Refusal('NOT_EMPTY', `${path} has children.`);
      this.#nodes.delete(path);
      this.#changed();
      return { removed: true };
    },
  };

  #childrenOf(path: string): string[] {
    const above = path === '/' ? '/' : `${path}/`;
    return [...this.#nodes.keys()]
      .filter((key) => key !== '/' && key.startsWith(above) && !key.includes('/', above.length))
      .map((key) => key.slice(above.length));
  }

  #expect(path: string, version: number | undefined): void {
    if (this.#nodes.get(path)?.version !== version) throw new Refusal('CONFLICT', `${path} is not what was read.`);
  }

  #check(node: Stored, { version, owner }: { version?: number; owner?: string }): void {
    if (version !== undefined && node.version !== version) throw new Refusal('CONFLICT', 'It has another version.');
    if (owner !== undefined && node.owner !== owner) throw new Refusal('CONFLICT', 'It has another owner.');
  }

  /** Makes a node and the directories above it, or none of them. */
  #make(path: string, { data, ephemeral, session }: Partial<Request>): Stored {
    const missing: string[] = [];
    for (let above = parentOf(path); above !== '/'; above = parentOf(above)) {
      const node = this.#nodes.get(above);
      if (node?.owner !== undefined) throw new Refusal('CONFLICT', `${above} goes with its session.`);
      if (!node) missing.unshift(above);
    }
    for (const above of missing) this.#put(above, '');
    return this.#put(path, data, ephemeral ? session : undefined);
  }

  #put(path: string, data = '', owner?: string): Stored {
    const node = { path, data, owner, version: this.#revision + 1 };
    this.#nodes.set(path, node);
    this.#changed();
    return node;
  }

  #changed(): void {
    this.#revision += 1;
    for (const tell of this.#watches) tell();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = (await json(request)) as Request;
      const operation = request.url!.slice(1);
      if (operation === 'open') return this.#open(body, response);
      if (this.sessions.get(body.session!)?.link !== body.link) throw new Refusal('CONNECTION_LOST', 'It is too late.');
      if (operation === 'watchNode') return this.#watch(response, () => ({ node: this.#nodes.get(body.path) }));
      if (operation === 'watchDirectory') return this.#watch(response, () => ({ names: this.#childrenOf(body.path) }));
      const { session } = body as { session: string };
      response.end(JSON.stringify(body.requests!.map((each) => this.#answer({ ...each, session }))));
    } catch (error) {
      response.writeHead(409).end(JSON.stringify(refusal(error)));
    }
  }

  #answer(request: Request): object {
    try {
      return { ...this.operations[request.operation!]!(request), revision: this.#revision };
    } catch (error) {
      return refusal(error);
    }
  }

  /** Begins a session or carries one on, and leaves the answer open: its end is the end of the connection. */
  #open({ session = '', timeoutMs = 10_000 }: Request, stream: ServerResponse): void {
    if (session !== '' && !this.sessions.has(session)) throw new Refusal('SESSION_EXPIRED', 'The session has ended.');
    const id = session || `session-${(this.#ids += 1)}`;
    const known = this.sessions.get(id);
    const open = known ?? { timeoutMs, link: 0, timer: setTimeout(() => this.end(id), timeoutMs), stream };
    this.sessions.set(id, Object.assign(open, { link: open.link + 1, stream }));
    open.timer.refresh();
    stream.write(`${JSON.stringify({ session: id, link: open.link, timeoutMs: open.timeoutMs })}\n`);
  }

  /** Tells a value now and whenever it has changed, each on a line. */
  #watch(response: ServerResponse, read: () => object): void {
    let told = '';
    const tell = (): void => {
      const now = JSON.stringify(read());
      if (now !== told) response.write(`${JSON.stringify({ ...read(), revision: this.#revision })}\n`);
      told = now;
    };
    tell();
    this.#watches.add(tell);
    response.on('close', () => this.#watches.delete(tell));
  }
}

import { connect, type Socket } from 'node:net';
import { eventually } from './eventually.js';
import { JuteFrames, JuteReader, JuteWriter } from './jute.js';
import { formatSessionId, parseSessionId } from './sessionId.js';
import { connectRequest, NEW_SESSION, readConnectResponse, type SessionCredentials } from './zookeeperHandshake.js';

/** What the server knows about a node. */
export interface RawStat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  readonly version: number;
  readonly childrenVersion: number;
  /** The session that the node belongs to, as {@link RawZooKeeper.sessionId}; `0x0` if it is not ephemeral. */
  readonly ephemeralOwner: string;
  readonly dataLength: number;
  readonly childCount: number;
}

/** How {@link RawZooKeeper.create} makes a node. */
export interface RawCreateOptions {
  readonly data?: string | Buffer;
  readonly ephemeral?: boolean;
  readonly sequential?: boolean;
  /** Whether to make the missing ones above it, as plain nodes. */
  readonly parents?: boolean;
  /** What everybody may do: the sum of 1 read, 2 write, 4 create, 8 delete and 16 admin; 31 if absent. */
  readonly permissions?: number;
}

/** How {@link connectRawZooKeeper} connects. */
export interface RawConnectOptions {
  readonly sessionTimeoutMs?: number;
  /** Resumes a session instead of opening one. */
  readonly session?: { readonly id: string | Buffer; readonly password: Buffer };
  readonly withinMs?: number;
}

/** An answer of the server that is an error; `code` is the server's number, `name` its name. */
export class RawZooKeeperError extends Error {
  readonly code: number;

  constructor(code: number, call: string) {
    super(`${call}: ${ERROR_NAMES[code] ?? `error ${code}`}`);
    this.name = ERROR_NAMES[code] ?? 'UNKNOWN';
    this.code = code;
  }
}

const ERROR_NAMES: Readonly<Record<number, string>> = {
  [-8]: 'BAD_ARGUMENTS',
  [-101]: 'NO_NODE',
  [-102]: 'NO_AUTH',
  [-103]: 'BAD_VERSION',
  [-108]: 'NO_CHILDREN_FOR_EPHEMERALS',
  [-110]: 'NODE_EXISTS',
  [-111]: 'NOT_EMPTY',
  [-112]: 'SESSION_EXPIRED',
};

const OP = {
  create: 1,
  remove: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  multi: 14,
  close: -11,
};
const PING_XID = -2;
const WATCH_XID = -1;
const ANY_VERSION = -1;

/**
 * Connects to one server with a client that shares no code with what it judges.
 *
 * It keeps its session alive by pings but does not reconnect: after a loss, make another.
 */
export async function connectRawZooKeeper(port: number, options: RawConnectOptions = {}): Promise<RawZooKeeper> {
  const { sessionTimeoutMs = 10_000, session, withinMs = 15_000 } = options;
  const wanted = session ? { id: parseSessionId(session.id), password: session.password } : NEW_SESSION;
  const opened = await eventually(() => handshake(port, wanted, sessionTimeoutMs), {
    what: `a connection to 127.0.0.1:${port}`,
    withinMs,
  });
  if (opened.timeoutMs === 0) throw new RawZooKeeperError(-112, 'connect');
  return new RawZooKeeper(opened);
}

/** A connection to a server; the errors of its calls are {@link RawZooKeeperError}s. */
export class RawZooKeeper implements AsyncDisposable {
  readonly sessionId: string;
  readonly sessionPassword: Buffer;
  /** What the server granted. */
  readonly sessionTimeoutMs: number;

  readonly #socket: Socket;
  readonly #frames = new JuteFrames();
  readonly #calls = new Map<number, PendingCall>();
  readonly #pings: NodeJS.Timeout;
  #xid = 0;

  constructor({ socket, id, password, timeoutMs }: OpenConnection) {
    this.#socket = socket;
    this.sessionId = formatSessionId(id);
    this.sessionPassword = password;
    this.sessionTimeoutMs = timeoutMs;
    this.#pings = setInterval(() => this.#send(PING_XID, OP.ping), timeoutMs / 3);
    socket.on('data', (chunk) => this.#frames.push(chunk).forEach((body) => this.#receive(body)));
    socket.once('close', () => this.#end());
  }

  /** Whether it can still be asked. */
  get connected(): boolean {
    return !this.#socket.destroyed;
  }

  async create(path: string, options: RawCreateOptions = {}): Promise<string> {
    const { data = '', ephemeral = false, sequential = false, parents = false, permissions = 31 } = options;
    const write = (body: JuteWriter) => {
      body.string(path).buffer(Buffer.from(data));
      // One access rule, for everybody.
      body.int(1).int(permissions).string('world').string('anyone');
      body.int((ephemeral ? 1 : 0) | (sequential ? 2 : 0));
    };
    const send = async () => (await this.#call(OP.create, `create ${path}`, write)).string();
    // First without asking: what is called one after another is sent so, and mostly they are there.
    return send().catch(async (error: unknown) => {
      if (!parents || !isNoNode(error)) throw error;
      await this.#createParents(path);
      return send();
    });
  }

  /** Makes a persistent node at a path of any bytes. */
  async createBytes(path: Buffer, data: string | Buffer = ''): Promise<void> {
    await this.#call(OP.create, `create ${path.length} bytes`, (body) => {
      body.string(path).buffer(Buffer.from(data)).int(1).int(31).string('world').string('anyone').int(0);
    });
  }

  async remove(path: string, version = ANY_VERSION): Promise<void> {
    await this.#call(OP.remove, `remove ${path}`, (body) => body.string(path).int(version));
  }

  /** Removes a node with all below it; does nothing if there is none. */
  async removeRecursive(path: string): Promise<void> {
    try {
      const children = await this.children(path);
      await Promise.all(children.map((name) => this.removeRecursive(`${path === '/' ? '' : path}/${name}`)));
      await this.remove(path);
    } catch (error) {
      if (!isNoNode(error)) throw error;
    }
  }

  /** Removes nodes in one step, or none of them. */
  async removeAll(paths: readonly string[]): Promise<void> {
    const call = `remove ${paths.length} nodes`;
    const reply = await this.#call(OP.multi, call, (body) => {
      for (const path of paths) body.int(OP.remove).bool(false).int(-1).string(path).int(ANY_VERSION);
      body.int(-1).bool(true).int(-1);
    });
    const isError = reply.int() === -1;
    reply.bool();
    if (isError) throw new RawZooKeeperError(reply.int(), call);
  }

  /** All nodes at and below a path, each after what is below it. */
  async tree(path: string): Promise<string[]> {
    const names = await this.children(path);
    const below = await Promise.all(names.map((name) => this.tree(`${path === '/' ? '' : path}/${name}`)));
    return [...below.flat(), path];
  }

  async setData(path: string, data: string | Buffer, version = ANY_VERSION): Promise<RawStat> {
    const write = (body: JuteWriter) => body.string(path).buffer(Buffer.from(data)).int(version);
    return readStat(await this.#call(OP.setData, `setData ${path}`, write));
  }

  /** Lets everybody do so much: the sum of 1 read, 2 write, 4 create, 8 delete and 16 admin. */
  async setAcl(path: string, permissions: number): Promise<void> {
    await this.#call(OP.setAcl, `setAcl ${path}`, (body) =>
      body.string(path).int(1).int(permissions).string('world').string('anyone').int(ANY_VERSION),
    );
  }

  async data(path: string): Promise<Buffer> {
    return (await this.#call(OP.getData, `data ${path}`, (body) => body.string(path).bool(false))).buffer();
  }

  /** The names of the children, sorted. */
  async children(path: string): Promise<string[]> {
    const reply = await this.#call(OP.getChildren, `children ${path}`, (body) => body.string(path).bool(false));
    return reply.strings().sort();
  }

  /** What the server knows about a node; null if there is none. */
  async stat(path: string): Promise<RawStat | null> {
    try {
      return readStat(await this.#call(OP.exists, `stat ${path}`, (body) => body.string(path).bool(false)));
    } catch (error) {
      if (isNoNode(error)) return null;
      throw error;
    }
  }

  /** Lets a follower catch up with its leader, so that the next reads see what was written before. */
  async sync(path = '/'): Promise<void> {
    await this.#call(OP.sync, `sync ${path}`, (body) => body.string(path));
  }

  /** Ends the session, and with it its ephemeral nodes. Does nothing on a lost connection. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    await this.#call(OP.close, 'close', () => undefined).catch(() => undefined);
    this.abandon();
  }

  /** Drops the connection without ending the session, as a process does that dies. */
  abandon(): void {
    this.#socket.destroy();
    this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #createParents(path: string): Promise<void> {
    for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1)) {
      await this.create(path.slice(0, end)).catch((error: unknown) => {
        if (!(error instanceof RawZooKeeperError && error.name === 'NODE_EXISTS')) throw error;
      });
    }
  }

  #call(op: number, name: string, write: (body: JuteWriter) => unknown): Promise<JuteReader> {
    if (this.#socket.destroyed) return Promise.reject(new Error(`${name}: the connection is lost`));
    const xid = ++this.#xid;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name}: no answer`)), CALL_DEADLINE_MS);
      this.#calls.set(xid, { name, resolve, reject, timer });
      this.#send(xid, op, write);
    });
  }

  #send(xid: number, op: number, write?: (body: JuteWriter) => unknown): void {
    const request = new JuteWriter().int(xid).int(op);
    write?.(request);
    this.#socket.write(request.frame());
  }

  #receive(body: Buffer): void {
    const reply = new JuteReader(body);
    const xid = reply.int();
    reply.long();
    const code = reply.int();
    if (xid === PING_XID || xid === WATCH_XID) return;
    const call = this.#calls.get(xid);
    if (!call) return;
    this.#calls.delete(xid);
    clearTimeout(call.timer);
    if (code === 0) call.resolve(reply);
    else call.reject(new RawZooKeeperError(code, call.name));
  }

  #end(): void {
    clearInterval(this.#pings);
    for (const { name, reject, timer } of this.#calls.values()) {
      clearTimeout(timer);
      reject(new Error(`${name}: the connection is lost`));
    }
    this.#calls.clear();
  }
}

const CALL_DEADLINE_MS = 10_000;

interface PendingCall {
  readonly name: string;
  readonly resolve: (reply: JuteReader) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

interface OpenConnection extends SessionCredentials {
  readonly socket: Socket;
  readonly timeoutMs: number;
}

function handshake(port: number, session: SessionCredentials, timeoutMs: number): Promise<OpenConnection> {
  return new Promise((resolve, reject) => {
    const frames = new JuteFrames();
    const socket = connect(port, '127.0.0.1', () => socket.write(connectRequest(session, timeoutMs)));
    // What was accepted while the server boots can stay unanswered for ever.
    const timer = setTimeout(() => socket.destroy(new Error('no answer to the handshake')), 1000);
    const fail = (error = new Error('the connection is lost')) => reject(error);
    socket.on('error', fail);
    socket.on('close', () => fail());
    socket.on('data', function receive(chunk) {
      const [answer] = frames.push(chunk);
      if (!answer) return;
      clearTimeout(timer);
      socket.off('data', receive);
      const opened = readConnectResponse(answer);
      if (opened.timeoutMs === 0) socket.destroy();
      resolve({ ...opened, socket });
    });
  });
}

function isNoNode(error: unknown): boolean {
  return error instanceof RawZooKeeperError && error.name === 'NO_NODE';
}

function readStat(reply: JuteReader): RawStat {
  const [czxid, mzxid] = [reply.long(), reply.long()];
  // The times of creation and change.
  reply.long();
  reply.long();
  const [version, childrenVersion] = [reply.int(), reply.int()];
  // The version of the access rules.
  reply.int();
  const ephemeralOwner = formatSessionId(reply.long());
  return {
    ...{ czxid, mzxid, version, childrenVersion, ephemeralOwner },
    ...{ dataLength: reply.int(), childCount: reply.int(), pzxid: reply.long() },
  };
}

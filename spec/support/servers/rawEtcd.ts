import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';

/** A key as the server holds it. */
export interface RawKey {
  readonly key: string;
  readonly value: Buffer;
  /** The id of the lease that takes it along, in hexadecimal digits. */
  readonly lease: string | undefined;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** How often it was written, its making included. */
  readonly version: number;
}

/** What a watch tells of one key. */
export interface RawChange {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** As {@link RawKey.lease}, of a key that was put. */
  readonly lease: string | undefined;
  readonly revision: bigint;
}

/** How a {@link RawEtcd} reaches its server. */
export interface RawEtcdOptions {
  readonly port: number;
  /** Talks TLS, and trusts who has a certificate of that authority; shows a certificate of its own if it has one. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
  /** Who it is, where the server asks. */
  readonly user?: { readonly name: string; readonly password: string };
}

/** An answer of the server that is an error; `name` is that of its gRPC code. */
export class RawEtcdError extends Error {
  constructor(code: number, message: string) {
    super(message);
    this.name = CODES[code] ?? `code ${code}`;
  }
}

const CODES: Readonly<Record<number, string>> = {
  2: 'UNKNOWN',
  3: 'INVALID_ARGUMENT',
  4: 'DEADLINE_EXCEEDED',
  5: 'NOT_FOUND',
  7: 'PERMISSION_DENIED',
  9: 'FAILED_PRECONDITION',
  11: 'OUT_OF_RANGE',
  14: 'UNAVAILABLE',
  16: 'UNAUTHENTICATED',
};

const CALL_DEADLINE_MS = 5_000;
const PAGE = 1_000;

/**
 * Asks one server through the JSON that it speaks beside gRPC, with code that shares nothing with what it judges.
 *
 * It holds no connection: each call makes one.
 */
export class RawEtcd {
  readonly #options: RawEtcdOptions;
  #token: string | undefined;

  constructor(options: RawEtcdOptions) {
    this.#options = options;
  }

  /** Writes a key, on a lease if one is named; returns the revision. */
  async put(
    key: string | Buffer,
    value: string | Buffer = '',
    { lease }: { readonly lease?: string } = {},
  ): Promise<bigint> {
    return this.#put(key, value, lease ? { lease: decimal(lease) } : {});
  }

  /** Writes a key that is there, and leaves it on the lease it is on; returns the revision. */
  async overwrite(key: string, value: string | Buffer): Promise<bigint> {
    return this.#put(key, value, { ignore_lease: true });
  }

  /**
   * Writes a key if there is none, and then also empty ones of the names in `above` where there are none, in one revision;
   * returns whether there was none.
   */
  async putNew(
    key: string,
    value: string | Buffer = '',
    { lease, above = [] }: { readonly lease?: string; readonly above?: readonly string[] } = {},
  ): Promise<boolean> {
    const none = (name: string) => ({ target: 'CREATE', result: 'EQUAL', key: encode(name), create_revision: '0' });
    const { succeeded = false } = await this.call<{ succeeded?: boolean }>('kv/txn', {
      compare: [none(key)],
      success: [
        ...above.map((name) => ({
          request_txn: { compare: [none(name)], success: [{ request_put: { key: encode(name) } }] },
        })),
        { request_put: { key: encode(key), value: encode(value), ...(lease && { lease: decimal(lease) }) } },
      ],
    });
    return succeeded;
  }

  async get(key: string): Promise<RawKey | undefined> {
    const { kvs = [] } = await this.call<RangeAnswer>('kv/range', { key: encode(key) });
    return kvs[0] && readKey(kvs[0]);
  }

  /** All keys that begin so, sorted. */
  async range(prefix: string): Promise<RawKey[]> {
    const keys: RawKey[] = [];
    const end = encode(endOf(prefix));
    let from = encode(prefix);
    let revision: string | undefined;
    for (;;) {
      const page: RangeAnswer = await this.call('kv/range', {
        key: from,
        range_end: end,
        limit: PAGE,
        ...(revision && { revision }),
      });
      keys.push(...(page.kvs ?? []).map(readKey));
      if (!page.more) return keys;
      // All pages of one revision: together they are what was there at once.
      revision = page.header.revision;
      from = encode(Buffer.concat([Buffer.from(keys.at(-1)!.key), Buffer.from([0])]));
    }
  }

  /** Removes a key; returns whether there was one. */
  async delete(key: string): Promise<boolean> {
    const { deleted = '0' } = await this.call<{ deleted?: string }>('kv/deleterange', { key: encode(key) });
    return deleted !== '0';
  }

  /** Removes all keys that begin so, in one revision; returns how many there were. */
  async deleteRange(prefix: string): Promise<number> {
    const { deleted = '0' } = await this.call<{ deleted?: string }>('kv/deleterange', {
      key: encode(prefix),
      range_end: encode(endOf(prefix)),
    });
    return Number(deleted);
  }

  /** Writes many keys, or removes many, in one revision: at most 128. */
  async transact(changes: { readonly put?: readonly string[]; readonly delete?: readonly string[] }): Promise<bigint> {
    const { header } = await this.call<Answer>('kv/txn', {
      success: [
        ...(changes.put ?? []).map((key) => ({ request_put: { key: encode(key) } })),
        ...(changes.delete ?? []).map((key) => ({ request_delete_range: { key: encode(key) } })),
      ],
    });
    return BigInt(header.revision);
  }

  /** Grants a lease, which nobody keeps alive; returns its id and what the server made of the wish. */
  async grant(seconds: number): Promise<{ readonly id: string; readonly seconds: number }> {
    const { ID, TTL } = await this.call<{ ID: string; TTL: string }>('lease/grant', { TTL: seconds });
    return { id: hexadecimal(ID), seconds: Number(TTL) };
  }

  /** Keeps a lease alive for once; returns how many seconds it has left, 0 if there is none. */
  async keep(lease: string): Promise<number> {
    const { result } = await this.call<{ result: { TTL?: string } }>('lease/keepalive', { ID: decimal(lease) });
    return Number(result.TTL ?? 0);
  }

  /** Ends a lease, and with it its keys; throws `NOT_FOUND` if there is none. */
  async revoke(lease: string): Promise<void> {
    await this.call('lease/revoke', { ID: decimal(lease) });
  }

  /** How many seconds a lease was granted and has left, and its keys; undefined if there is none. */
  async lease(
    id: string,
  ): Promise<{ readonly granted: number; readonly left: number; readonly keys: string[] } | undefined> {
    const answer = await this.call<{ TTL: string; grantedTTL?: string; keys?: string[] }>('lease/timetolive', {
      ID: decimal(id),
      keys: true,
    });
    if (answer.TTL === '-1') return undefined;
    const keys = (answer.keys ?? []).map((key) => decode(key).toString()).sort();
    return { granted: Number(answer.grantedTTL ?? 0), left: Number(answer.TTL ?? 0), keys };
  }

  /** The ids of all leases. */
  async leases(): Promise<string[]> {
    const { leases = [] } = await this.call<{ leases?: { ID: string }[] }>('lease/leases', {});
    return leases.map(({ ID }) => hexadecimal(ID));
  }

  /** Forgets all history before a revision: the present one if none is named. Returns it. */
  async compact(revision?: bigint): Promise<bigint> {
    const at = revision ?? (await this.revision());
    await this.call('kv/compaction', { revision: String(at), physical: true });
    return at;
  }

  /** The present revision. */
  async revision(): Promise<bigint> {
    const { header } = await this.call<Answer>('kv/range', { key: encode('\0'), count_only: true });
    return BigInt(header.revision);
  }

  /** Whether this server leads or follows; undefined while nobody leads. */
  async role(timeoutMs = CALL_DEADLINE_MS): Promise<'leader' | 'follower' | undefined> {
    const { header, leader = '0' } = await this.call<Answer & { leader?: string }>('maintenance/status', {}, timeoutMs);
    if (leader === '0') return undefined;
    return leader === header.member_id ? 'leader' : 'follower';
  }

  /** One number of what it tells about itself, the sum if it tells several of that name whose labels have that text. */
  async metric(name: string, labels = ''): Promise<number> {
    const lines = (await this.#request('GET', '/metrics')).text.split('\n');
    const told = lines.filter((line) => /^[{ ]/.test(line.slice(name.length)) && line.startsWith(name));
    if (told.length === 0) throw new Error(`The server does not tell ${name}`);
    const meant = told.filter((line) => line.includes(labels));
    return meant.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** How many watches there are. */
  async watches(): Promise<number> {
    return this.metric('etcd_debugging_mvcc_watcher_total');
  }

  /** How many streams there are that watches share. */
  async watchStreams(): Promise<number> {
    return this.metric('etcd_debugging_mvcc_watch_stream_total');
  }

  /** How many calls of one kind are open now, such as the streams of `LeaseKeepAlive`. */
  async openCalls(method: string): Promise<number> {
    const label = `grpc_method="${method}"`;
    return (
      (await this.metric('grpc_server_started_total', label)) - (await this.metric('grpc_server_handled_total', label))
    );
  }

  /**
   * Tells every change of every key from a revision on, those of one revision together, until the signal is aborted; rejects
   * when the server does not go on.
   */
  async follow(from: bigint, next: (changes: readonly RawChange[]) => void, signal: AbortSignal): Promise<void> {
    // Has us logged in where that is asked for.
    await this.call('kv/range', { key: encode('\0'), count_only: true });
    const everything = encode('\0');
    const wish = { create_request: { key: everything, range_end: everything, start_revision: String(from) } };
    const lines = createInterface({ input: await this.#open('/v3/watch', JSON.stringify(wish), signal) });
    for await (const line of lines) {
      const { result, error } = JSON.parse(line) as { result?: WatchAnswer; error?: { message?: string } };
      if (!result || result.canceled) {
        throw new Error(`The watch from ${from} on ended: ${result?.cancel_reason ?? error?.message}`);
      }
      if (result.events) next(result.events.map(readChange));
    }
    throw new Error('The watch broke off');
  }

  /** Calls one of its methods, such as `kv/range`; logs in when the server asks who we are. */
  async call<T>(method: string, body: object, timeoutMs = CALL_DEADLINE_MS): Promise<T> {
    try {
      return await this.#post<T>(method, body, timeoutMs);
    } catch (error) {
      if (!this.#options.user || !asksWhoWeAre(error)) throw error;
      const { name, password } = this.#options.user;
      this.#token = undefined;
      this.#token = (await this.#post<{ token: string }>('auth/authenticate', { name, password }, timeoutMs)).token;
      return this.#post<T>(method, body, timeoutMs);
    }
  }

  async #put(key: string | Buffer, value: string | Buffer, how: object): Promise<bigint> {
    const { header } = await this.call<Answer>('kv/put', { key: encode(key), value: encode(value), ...how });
    return BigInt(header.revision);
  }

  async #post<T>(method: string, body: object, timeoutMs: number): Promise<T> {
    const { ok, text } = await this.#request('POST', `/v3/${method}`, JSON.stringify(body), timeoutMs);
    const answer = JSON.parse(text) as T & { code?: number; message?: string; error?: string };
    if (!ok) throw new RawEtcdError(answer.code ?? 2, answer.message ?? answer.error ?? text);
    return answer;
  }

  #open(path: string, body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { port, tls } = this.#options;
    const headers = { 'content-length': Buffer.byteLength(body), ...(this.#token && { authorization: this.#token }) };
    const send = tls ? requestSecure : requestPlain;
    return new Promise((resolve, reject) => {
      const request = send({ host: '127.0.0.1', port, method: 'POST', path, agent: false, signal, ...tls, headers });
      request.once('response', resolve);
      request.once('error', reject);
      request.end(body);
    });
  }

  async #request(method: string, path: string, body = '', timeoutMs = CALL_DEADLINE_MS) {
    const { port, tls } = this.#options;
    const send = tls ? requestSecure : requestPlain;
    const late = AbortSignal.timeout(timeoutMs);
    return new Promise<{ ok: boolean; text: string }>((resolve, reject) => {
      const fail = (error: Error) =>
        reject(late.aborted ? new Error(`No answer to ${path} from 127.0.0.1:${port} within ${timeoutMs} ms`) : error);
      const request = send(
        {
          ...{ host: '127.0.0.1', port, method, path, agent: false, signal: late },
          ...tls,
          headers: { 'content-length': Buffer.byteLength(body), ...(this.#token && { authorization: this.#token }) },
        },
        (response) => {
          buffer(response).then((bytes) => resolve({ ok: response.statusCode === 200, text: bytes.toString() }), fail);
        },
      );
      request.once('error', fail);
      request.end(body);
    });
  }
}

interface Answer {
  readonly header: { readonly revision: string; readonly member_id: string };
}

interface RangeAnswer extends Answer {
  readonly kvs?: readonly WrittenKey[];
  readonly more?: boolean;
}

/** Numbers that are 0 and texts that are empty are left out. */
interface WrittenKey {
  readonly key: string;
  readonly value?: string;
  readonly lease?: string;
  readonly create_revision: string;
  readonly mod_revision: string;
  readonly version: string;
}

interface WatchAnswer {
  readonly canceled?: boolean;
  readonly cancel_reason?: string;
  readonly events?: readonly { readonly type?: 'DELETE'; readonly kv: WrittenKey }[];
}

function readChange({ type, kv }: NonNullable<WatchAnswer['events']>[number]): RawChange {
  const { key, lease = '0', mod_revision } = kv;
  return {
    type: type === 'DELETE' ? 'delete' : 'put',
    key: decode(key).toString(),
    lease: lease === '0' ? undefined : hexadecimal(lease),
    revision: BigInt(mod_revision),
  };
}

function readKey({ key, value = '', lease = '0', create_revision, mod_revision, version }: WrittenKey): RawKey {
  return {
    key: decode(key).toString(),
    value: decode(value),
    lease: lease === '0' ? undefined : hexadecimal(lease),
    createRevision: BigInt(create_revision),
    modRevision: BigInt(mod_revision),
    version: Number(version),
  };
}

function asksWhoWeAre(error: unknown): boolean {
  return (
    error instanceof RawEtcdError &&
    /user name is empty|invalid auth token|revision of auth store is old/.test(error.message)
  );
}

/** The first key after all that begin so. */
function endOf(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1;
  return end;
}

function encode(text: string | Buffer): string {
  return Buffer.from(text).toString('base64');
}

function decode(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

function hexadecimal(id: string): string {
  return BigInt(id).toString(16);
}

function decimal(id: string): string {
  return BigInt(`0x${id}`).toString();
}

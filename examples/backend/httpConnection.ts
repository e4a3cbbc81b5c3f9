// How the backend of the example speaks to its server: requests, and answers that go on.
import { defer, fromEvent, map, Observable } from 'rxjs';
import { type ErrorCode, RegistryError } from 'rx-registry';

/** What the server says of one request, or on one line of a stream. */
export interface Answer {
  readonly session?: string;
  readonly link?: number;
  readonly timeoutMs?: number;
  readonly node?: { readonly path: string; readonly data: string; readonly owner?: string; readonly version: number };
  readonly names?: readonly string[];
  readonly removed?: boolean;
  readonly revision?: number;
  readonly code?: ErrorCode;
  readonly message?: string;
}

interface Waiting {
  readonly request: object;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection: all that is under way fails with `CONNECTION_LOST` when it is closed. */
export class Connection {
  /** What the server knows the connection by. */
  identity: { readonly session: string; readonly link: number } | undefined;
  readonly #url: string;
  readonly #fetch: typeof fetch;
  readonly #closed = new AbortController();
  #waiting: Waiting[] = [];
  #isSending = false;

  constructor(url: string, fetch: typeof globalThis.fetch) {
    this.#url = url;
    this.#fetch = fetch;
  }

  /** Errors when the connection is closed. */
  readonly broken: Observable<never> = fromEvent(this.#closed.signal, 'abort').pipe(
    map(() => {
      throw noConnection();
    }),
  );

  close(): void {
    this.#closed.abort();
  }

  /** Sends a request, with all that are asked for meanwhile, when those before are answered: so they keep their order. */
  ask(operation: string, body: object = {}): Observable<Answer> {
    return defer(
      () =>
        new Promise<Answer>((resolve, reject) => {
          this.#waiting.push({ request: { operation, ...body }, resolve, reject });
          if (!this.#isSending) void this.#sendWaiting();
        }),
    );
  }

  /** Follows an answer that is told line by line; unsubscribing ends it on the server, too. */
  stream(operation: string, body: object): Observable<Answer> {
    return new Observable<Answer>((subscriber) => {
      const left = new AbortController();
      const follow = async (): Promise<never> => {
        const response = await this.#send(operation, body, left.signal);
        let rest = '';
        for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
          const lines = (rest + text).split('\n');
          rest = lines.pop()!;
          for (const line of lines) subscriber.next(valid(JSON.parse(line) as Answer));
        }
        throw new Error('The server has closed the connection.');
      };
      follow().catch((error: unknown) => subscriber.error(registryError(error)));
      return () => left.abort();
    });
  }

  async #sendWaiting(): Promise<void> {
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const response = await this.#send('batch', { requests: batch.map(({ request }) => request) });
        const answers = (await response.json()) as Answer[];
        batch.forEach(({ resolve, reject }, index) => {
          const answer = answers[index]!;
          if (answer.code) reject(registryError(answer));
          else resolve(answer);
        });
      } catch (error) {
        for (const { reject } of batch) reject(registryError(error));
      }
    }
    this.#isSending = false;
  }

  async #send(operation: string, body: object, signal?: AbortSignal): Promise<Response> {
    const response = await this.#fetch(`${this.#url}/${operation}`, {
      method: 'POST',
      body: JSON.stringify({ ...this.identity, ...body }),
      signal: signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal,
    });
    if (!response.ok) valid((await response.json()) as Answer);
    return response;
  }
}

export function noConnection(): RegistryError {
  return new RegistryError('CONNECTION_LOST', 'The session has no connection at the moment.');
}

function valid(answer: Answer): Answer {
  if (answer.code) throw registryError(answer);
  return answer;
}

function registryError(reason: unknown): RegistryError {
  if (reason instanceof RegistryError) return reason;
  const { code, message } = reason as Answer;
  // What `fetch` says, and codes that are not ours.
  if (reason instanceof Error) return new RegistryError('CONNECTION_LOST', `No answer: ${message}`, { cause: reason });
  return new RegistryError(code ?? 'SERVER_ERROR', message ?? 'The server gave no reason.');
}

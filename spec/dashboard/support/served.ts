import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { Message } from '../../../lib/dashboard/messages.js';

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server with one handler, which ends with its spec. */
export class Served {
  readonly port: number;

  private constructor(port: number) {
    this.port = port;
  }

  static async on(handler: RequestListener): Promise<Served> {
    const server = createServer(handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return new Served((server.address() as AddressInfo).port);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Asks with any headers, `host` and `origin` included. */
  async ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    const response = await this.#send(path, headers, method);
    const { statusCode = 0, headers: answered } = response;
    if (answered['content-type'] === 'text/event-stream' && method === 'GET') {
      response.destroy();
      return { status: statusCode, headers: answered, body: '' };
    }
    return { status: statusCode, headers: answered, body: await text(response) };
  }

  /** Follows the events, with all that was told so far. */
  async follow(service?: string): Promise<Followed> {
    const query = service === undefined ? '' : `?service=${encodeURIComponent(service)}`;
    return new Followed(await this.#send(`/events${query}`, {}, 'GET'));
  }

  async #send(path: string, headers: Record<string, string>, method: string): Promise<IncomingMessage> {
    const sent = request({ host: '127.0.0.1', port: this.port, path, method, headers, agent: false }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  }
}

/** A stream of server-sent events. */
export class Followed {
  readonly messages: Message[] = [];
  /** All that came, as text. */
  raw = '';
  isEnded = false;
  readonly #response: IncomingMessage;

  constructor(response: IncomingMessage) {
    this.#response = response;
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.raw += chunk;
      const lines = (rest + chunk).split('\n\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith('data: ')) this.messages.push(JSON.parse(line.slice('data: '.length)) as Message);
      }
    });
    response.once('end', () => (this.isEnded = true));
    response.once('error', () => undefined);
    onTestFinished(() => this.leave());
  }

  leave(): void {
    this.#response.destroy();
  }
}

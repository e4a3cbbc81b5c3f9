import { connect } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/** What became of an attempt to connect. */
export type Dialled = { readonly ok: true; readonly ms: number } | { readonly ok: false; readonly reason: string };

/** What became of a TLS handshake. */
export type Handshake =
  | { readonly outcome: 'done'; readonly expiresMs: number | undefined }
  /** The other side speaks TLS, but one of the two does not trust the other. */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** The other side does not speak TLS, or says nothing. */
  | { readonly outcome: 'none'; readonly reason: string };

/** Opens a connection and closes it again. Never rejects. */
export function dial(host: string, port: number, timeoutMs: number): Promise<Dialled> {
  const start = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (result: Dialled): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => end({ ok: false, reason: `no answer in ${timeoutMs} ms` }));
    socket.once('connect', () => end({ ok: true, ms: performance.now() - start }));
    socket.once('error', (error) => end({ ok: false, reason: error.message }));
  });
}

/** Sends a request in plain text and reads until the other side closes, or for so long. Never rejects. */
export function askPlain(host: string, port: number, request: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => socket.write(request));
    let answer = '';
    const end = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, end);
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (answer.length > MOST_READ) end();
    });
    socket.once('error', end);
    socket.once('close', end);
  });
}

const MOST_READ = 100_000;

/** Tries a TLS handshake. Never rejects. */
export function handshake(options: ConnectionOptions, timeoutMs: number): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket = connectTls(options);
    const end = (result: Handshake): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => end({ outcome: 'none', reason: `no answer in ${timeoutMs} ms` }));
    socket.once('secureConnect', () => {
      const expires = Date.parse(socket.getPeerCertificate().valid_to);
      end({ outcome: 'done', expiresMs: Number.isNaN(expires) ? undefined : expires });
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const { code = '', message } = error;
      end({ outcome: PLAIN.test(`${code} ${message}`) ? 'none' : 'refused', reason: message });
    });
    // Closed without a word: what a server does that reads a handshake as something else.
    socket.once('close', () => end({ outcome: 'none', reason: 'the connection was closed' }));
  });
}

/** What OpenSSL says of an answer that is none of TLS, and what the network says where there is none. */
const PLAIN = /WRONG_VERSION_NUMBER|wrong version number|packet length too long|ECONNRESET|EPIPE|before secure TLS/i;

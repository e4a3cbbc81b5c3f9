import { JuteReader, JuteWriter } from './jute.js';

/** A session as its owner knows it: whoever has both can resume it or close it. */
export interface SessionCredentials {
  readonly id: bigint;
  readonly password: Buffer;
}

/** Credentials that ask for a new session. */
export const NEW_SESSION: SessionCredentials = { id: 0n, password: Buffer.alloc(16) };

/** The frame that opens a connection. */
export function connectRequest(session: SessionCredentials, timeoutMs: number): Buffer {
  const lastZxidSeen = 0n;
  return new JuteWriter()
    .int(0)
    .long(lastZxidSeen)
    .int(timeoutMs)
    .long(session.id)
    .buffer(session.password)
    .bool(false)
    .frame();
}

/** Reads the server's answer to {@link connectRequest}; a timeout of 0 means that there is no such session. */
export function readConnectResponse(body: Buffer): SessionCredentials & { readonly timeoutMs: number } {
  const reader = new JuteReader(body);
  reader.int();
  return { timeoutMs: reader.int(), id: reader.long(), password: Buffer.from(reader.buffer()) };
}

/** The frame that ends the session of the connection. */
export function closeSessionRequest(xid: number): Buffer {
  return new JuteWriter().int(xid).int(-11).frame();
}

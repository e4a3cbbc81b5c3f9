import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { JuteFrames, JuteReader, JuteWriter } from '../../../support/servers/jute.js';

/** A request as a pretended server gets it. */
export interface PretendRequest {
  readonly xid: number;
  readonly opcode: number;
  /** What follows the operation code. */
  readonly body: JuteReader;
  readonly socket: Socket;
  /** Answers with an error code and no body. */
  readonly answer: (code?: number) => void;
  /** Answers with what a listing has: names, and what the node is. */
  readonly answerNames: (names: readonly string[]) => void;
  /** Answers with what a node is. */
  readonly answerStat: () => void;
}

/** A process that speaks as much of ZooKeeper's protocol as it takes to mislead a client. */
export interface PretendServer extends AsyncDisposable {
  readonly address: string;
  /** How many connections there have ever been. */
  readonly accepted: number;
}

/** How a {@link PretendServer} behaves. */
export interface PretendBehavior {
  readonly sessionTimeoutMs: number;
  /** What is said instead of the answer to the handshake. @defaultValue the answer */
  readonly handshake?: () => Buffer;
  readonly request: (request: PretendRequest) => void;
}

export const EXISTS = 3;
export const SET_DATA = 5;
export const GET_CHILDREN2 = 12;
export const NO_NODE = -101;

/** Starts one on a free port of 127.0.0.1. */
export async function startPretendServer(behavior: PretendBehavior): Promise<PretendServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    const frames = new JuteFrames();
    let greeted = false;
    socket.on('data', (chunk) => {
      for (const body of frames.push(chunk)) {
        if (greeted) behavior.request(requestOf(body, socket));
        else socket.write(behavior.handshake?.() ?? greeting(behavior.sessionTimeoutMs));
        greeted = true;
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen');
  return {
    address: `127.0.0.1:${address.port}`,
    get accepted() {
      return accepted;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The header of an answer, with any length in front. */
export function headerOf(xid: number, bytes: number, code = 0): Buffer {
  const header = new JuteWriter().int(xid).long(1n).int(code).frame();
  header.writeInt32BE(bytes);
  return header;
}

function requestOf(body: Buffer, socket: Socket): PretendRequest {
  const reader = new JuteReader(body);
  const xid = reader.int();
  const answerWith = (write: (answer: JuteWriter) => void): void => {
    const answer = new JuteWriter().int(xid).long(1n).int(0);
    write(answer);
    socket.write(answer.frame());
  };
  return {
    xid,
    opcode: reader.int(),
    body: reader,
    socket,
    answer: (code = 0) => socket.write(headerOf(xid, 16, code)),
    answerNames: (names) =>
      answerWith((answer) => {
        answer.int(names.length);
        for (const name of names) answer.string(name);
        writeStat(answer);
      }),
    answerStat: () => answerWith(writeStat),
  };
}

function writeStat(answer: JuteWriter): void {
  answer.long(1n).long(1n).long(0n).long(0n).int(0).int(0).int(0).long(0n).int(0).int(0).long(1n);
}

function greeting(sessionTimeoutMs: number): Buffer {
  return new JuteWriter().int(0).int(sessionTimeoutMs).long(7n).buffer(Buffer.alloc(16, 1)).bool(false).frame();
}

import { connect } from 'node:net';
import { eventually } from './eventually.js';
import { fourLetterWord } from './fourLetterWord.js';
import { JuteFrames } from './jute.js';
import { formatSessionId, parseSessionId } from './sessionId.js';
import {
  closeSessionRequest,
  connectRequest,
  readConnectResponse,
  type SessionCredentials,
} from './zookeeperHandshake.js';

/**
 * Ends somebody's session at the server, so that its owner finds it expired; resolves when the server has forgotten it.
 *
 * It resumes the session and closes it. The owner, thrown out by that, can come back between the two and throw us out
 * in turn, so it is repeated until the server knows no such session.
 */
export async function expireSession(
  port: number,
  sessionId: string | Buffer,
  password: Buffer,
  withinMs = 10_000,
): Promise<void> {
  const session = { id: parseSessionId(sessionId), password };
  const name = formatSessionId(session.id);
  await eventually(
    async () => {
      if (!(await closeOnce(port, session))) throw new Error('the owner took the session back');
      // The server says the same of a wrong password, and of a session whose nodes it is still removing.
      if (await isKnown(port, name)) throw new Error('the server still has it: is the password right?');
    },
    { what: `the end of session ${name}`, withinMs, everyMs: 5 },
  );
}

async function isKnown(port: number, sessionId: string): Promise<boolean> {
  const dump = await fourLetterWord(port, 'dump');
  // The list of connections comes last; there, one that lost such a race can outlive its session for seconds.
  const [sessions = ''] = dump.split('Connections dump:');
  return sessions.split(/[\s:]+/).includes(sessionId);
}

/** Tries once; returns true if the server answered that it knows no such session. */
function closeOnce(port: number, session: SessionCredentials): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const frames = new JuteFrames();
    let answer: Buffer | undefined;
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(Buffer.concat([connectRequest(session, 10_000), closeSessionRequest(1)]));
    });
    // The server ends the connection after either outcome, unless it is frozen or just starting.
    const timer = setTimeout(() => socket.destroy(), 500);
    socket.on('data', (chunk) => (answer ??= frames.push(chunk)[0]));
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(answer !== undefined && readConnectResponse(answer).timeoutMs === 0);
    });
  });
}

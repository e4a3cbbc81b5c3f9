import { connect } from 'node:net';

/** Sends a ZooKeeper server one of its four-letter words and returns the whole answer. */
export function fourLetterWord(port: number, word: string, timeoutMs = 5_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(word));
    // An idle timeout would not do: it starts anew with every byte.
    const timer = setTimeout(() => {
      socket.destroy(new Error(`No answer to ${word} from 127.0.0.1:${port} within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString());
    });
  });
}

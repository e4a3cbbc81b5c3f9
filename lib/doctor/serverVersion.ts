import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { askPlain } from './sockets.js';

/** Asks a ZooKeeper server for its version; `undefined` where it does not tell. */
export async function zookeeperVersion(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
  const answer = await askPlain(host, port, 'srvr', timeoutMs);
  return /^Zookeeper version: (\d+\.\d+\.\d+)/.exec(answer)?.[1];
}

/** Asks an etcd server for its version; `undefined` where it does not tell. */
export function etcdVersion(
  host: string,
  port: number,
  tls: ConnectionOptions | undefined,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const common = { host, port, path: '/version', timeout: timeoutMs, agent: false as const };
    const request = tls ? getSecurely({ ...tls, ...common }) : get(common);
    const end = (version?: string): void => {
      request.destroy();
      resolve(version);
    };
    request.once('timeout', () => end());
    request.once('error', () => end());
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MOST_READ) end();
      });
      response.once('error', () => end());
      response.once('end', () => end(/"etcdserver":\s*"(\d+\.\d+\.\d+)/.exec(text)?.[1]));
    });
  });
}

const MOST_READ = 10_000;

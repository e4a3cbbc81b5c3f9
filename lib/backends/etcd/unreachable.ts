import type { RegistryHost } from '../../dubbo/registryAddress.js';
import { RegistryError } from '../../errors.js';
import { printable } from '../../internal/printable.js';
import { handshakeHint } from '../shared/handshakeHint.js';

/** What grpc-js says when it gets no connection; why stands between words that help nobody. */
const NO_CONNECTION =
  /No connection established\. Last error: (?:Error: )?(.*?)(?: \(\d{4}-[^)]*\))?\. Resolution note:/s;

/** How grpc-js says that a server closed a connection without TLS at once, or answered with something else. */
const NOT_PLAIN = /^(?:Failed to connect|Protocol error)$/;

const ZOOKEEPER_PORT = 2181;

/** An error of an attempt to connect, with what was expected, what came and what to do where that can be told. */
export function unreachable(error: unknown, { host, port }: RegistryHost, isTls: boolean): unknown {
  const { message = '' } = (error instanceof RegistryError && (error.cause as Error | undefined)) || {};
  const reason = NO_CONNECTION.exec(message)?.[1];
  if (reason === undefined) return error;
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const text = `No connection to etcd at ${printable(at)}: ${printable(reason)}. ${hint(reason, port, isTls)}`;
  return new RegistryError('CONNECTION_LOST', text.trimEnd(), { cause: error });
}

function hint(reason: string, port: number, isTls: boolean): string {
  const other = port === ZOOKEEPER_PORT ? ` ${port} is the port of ZooKeeper.` : '';
  if (!isTls && NOT_PLAIN.test(reason)) {
    return `Expected an etcd server without TLS: if it has TLS, add "tls=true" to the address or set the option "tls".${other}`;
  }
  return `${isTls ? handshakeHint(reason, 'an etcd server') : ''}${other}`.trimStart();
}

import { readFileSync } from 'node:fs';
import { InvalidOptionError, RegistryError } from '../../errors.js';
import { looksLikeKey } from '../../internal/looksLikeKey.js';
import { optionsObject } from '../../internal/options.js';
import type { Pem, TlsOptions } from './tlsOptions.js';

/** What {@link TlsOptions} name, read. */
export interface TlsCredentials {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** How the connections of one backend are encrypted. */
export interface Tls {
  /** The name that the server's certificate must have. @defaultValue the host that is connected to */
  readonly serverName?: string | undefined;
  /**
   * Reads the certificates for one attempt to connect.
   *
   * @throws RegistryError with `CONNECTION_LOST`: while certificates are renewed a file may be absent or half written for a moment.
   */
  read(): TlsCredentials;
}

/**
 * The encryption that options ask for, or else the parameters of an address; `undefined` where neither does.
 *
 * The certificates are read once to refuse at once what cannot be read, and again by each attempt, as they are renewed.
 *
 * @throws InvalidOptionError if a file cannot be read, is no PEM, or only one of certificate and key is given.
 */
export function tlsFor(options: TlsOptions | undefined, parameters: ReadonlyMap<string, string>): Tls | undefined {
  const given = options ?? tlsOf(parameters);
  if (!given) return undefined;
  optionsObject(given, 'an object', 'tls');
  const { serverName } = given;
  if (serverName !== undefined && (typeof serverName !== 'string' || serverName === '')) {
    throw new InvalidOptionError('tls.serverName', 'a host name', serverName);
  }
  readTls(given);
  return { serverName, read: () => readAgain(given) };
}

/**
 * Reads what {@link TlsOptions} name.
 *
 * @throws InvalidOptionError
 */
export function readTls({ ca, cert, key }: TlsOptions): TlsCredentials {
  if ((cert === undefined) !== (key === undefined)) {
    throw new InvalidOptionError(cert ? 'tls.key' : 'tls.cert', 'given together with the other of the two', undefined);
  }
  return {
    ...(ca !== undefined && { ca: readPem('tls.ca', ca) }),
    ...(cert !== undefined && { cert: readPem('tls.cert', cert) }),
    ...(key !== undefined && { key: readPem('tls.key', key) }),
  };
}

function readAgain(options: TlsOptions): TlsCredentials {
  try {
    return readTls(options);
  } catch (error) {
    throw new RegistryError('CONNECTION_LOST', `No connection: ${(error as Error).message}`, { cause: error });
  }
}

const TLS_PARAMETERS = ['ca', 'cert', 'key', 'serverName'] as const;

/** `tls=true`, or any of the other parameters of its own, asks for encryption. */
function tlsOf(parameters: ReadonlyMap<string, string>): TlsOptions | undefined {
  const given = TLS_PARAMETERS.flatMap((name) => {
    const value = parameters.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const wanted = parameters.get('tls');
  if (wanted !== undefined && wanted !== 'true' && wanted !== 'false') {
    throw new InvalidOptionError('tls', '"true" or "false"', wanted);
  }
  return wanted === 'true' || (wanted === undefined && given.length > 0) ? Object.fromEntries(given) : undefined;
}

function readPem(option: string, pem: Pem): Buffer {
  const expected = 'a PEM text, its bytes, or the path of a file that can be read';
  let bytes: Buffer;
  if (typeof pem === 'string' && !pem.includes('-----BEGIN')) {
    try {
      bytes = readFileSync(pem);
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? 'unreadable';
      // What is no path may be the key itself, without its first line or with a slip in it.
      const shown = option === 'tls.key' || /[\r\n]/.test(pem) || looksLikeKey(pem) ? 'a text that is neither' : pem;
      throw new InvalidOptionError(option, expected, `${shown} (${why})`);
    }
  } else if (typeof pem === 'string' || pem instanceof Uint8Array) {
    bytes = Buffer.from(pem as string);
  } else throw new InvalidOptionError(option, expected, pem);
  // Never what it holds: it may be the key.
  if (!bytes.includes('-----BEGIN')) throw new InvalidOptionError(option, expected, 'something else');
  return bytes;
}

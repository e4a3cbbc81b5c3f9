import { readFileSync } from 'node:fs';
import { InvalidOptionError } from '../../errors.js';
import { looksLikeKey } from '../../internal/looksLikeKey.js';
import type { Pem, TlsOptions } from './tlsOptions.js';

/** What etcd3 takes; it says that there must be a root certificate, but takes none as well. */
export interface TlsCredentials {
  readonly rootCertificate: Buffer;
  readonly privateKey?: Buffer;
  readonly certChain?: Buffer;
}

/**
 * Reads what {@link TlsOptions} name.
 *
 * @throws InvalidOptionError if a file cannot be read, is no PEM, or only one of certificate and key is given.
 */
export function readTls({ ca, cert, key }: TlsOptions): TlsCredentials {
  if ((cert === undefined) !== (key === undefined)) {
    throw new InvalidOptionError(cert ? 'tls.key' : 'tls.cert', 'given together with the other of the two', undefined);
  }
  return {
    rootCertificate: (ca === undefined ? undefined : readPem('tls.ca', ca)) as Buffer,
    ...(cert !== undefined && { certChain: readPem('tls.cert', cert) }),
    ...(key !== undefined && { privateKey: readPem('tls.key', key) }),
  };
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

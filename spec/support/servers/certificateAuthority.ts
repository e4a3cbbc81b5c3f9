import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  bitString,
  boolean,
  der,
  explicit,
  implicit,
  integer,
  octetString,
  oid,
  sequence,
  set,
  utcTime,
  utf8String,
} from './der.js';

/** A certificate and its key, both as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Issues certificates for 127.0.0.1 and localhost, good for one day, to servers and clients. */
export class CertificateAuthority {
  /** Its own certificate: who trusts it trusts what it issues. */
  readonly cert: string;
  readonly #name: string;
  readonly #keys = keyPair();

  constructor(name = 'spec authority') {
    this.#name = name;
    this.cert = this.#issue(name, this.#keys.publicKey, [
      extension('2.5.29.19', sequence(boolean(true)), true),
      extension('2.5.29.15', KEY_CERT_SIGN, true),
    ]);
  }

  issue(name: string): Certificate {
    const { publicKey, privateKey } = keyPair();
    const cert = this.#issue(name, publicKey, [
      extension('2.5.29.19', sequence(), true),
      extension('2.5.29.15', DIGITAL_SIGNATURE, true),
      extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))),
      extension('2.5.29.17', sequence(implicit(2, Buffer.from('localhost')), implicit(7, Buffer.from([127, 0, 0, 1])))),
    ]);
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
  }

  #issue(subject: string, publicKey: KeyObject, extensions: readonly Buffer[]): string {
    const now = Date.now();
    const content = sequence(
      explicit(0, integer(Buffer.from([2]))),
      integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      ECDSA_WITH_SHA256,
      commonName(this.#name),
      sequence(utcTime(new Date(now - DAY_MS)), utcTime(new Date(now + DAY_MS))),
      commonName(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      explicit(
        3,
        sequence(
          ...extensions,
          extension('2.5.29.14', octetString(keyId(publicKey))),
          extension('2.5.29.35', sequence(implicit(0, keyId(this.#keys.publicKey)))),
        ),
      ),
    );
    const signature = sign('sha256', content, this.#keys.privateKey);
    return pem(sequence(content, ECDSA_WITH_SHA256, bitString(signature)));
  }
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
// Bit strings whose first byte tells how many of the last bits are unused.
const DIGITAL_SIGNATURE = der(0x03, Buffer.from([7, 0x80]));
const KEY_CERT_SIGN = der(0x03, Buffer.from([2, 0x04]));

function keyPair() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function commonName(name: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8String(name))));
}

function extension(id: string, content: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(content));
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

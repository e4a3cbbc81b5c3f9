import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Keys with which a server signs its tokens: such a token is valid for one revision of users and roles. */
export class JwtKeys implements Disposable {
  /** What the server is started with; its tokens live for ten minutes. */
  readonly flags: Readonly<Record<string, string>>;
  readonly #folder = mkdtempSync(join(tmpdir(), 'rx-registry-jwt-'));

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const [key, pub] = [join(this.#folder, 'key.pem'), join(this.#folder, 'key.pub')];
    writeFileSync(key, privateKey, { mode: 0o600 });
    writeFileSync(pub, publicKey);
    this.flags = { 'auth-token': `jwt,pub-key=${pub},priv-key=${key},sign-method=RS256,ttl=10m` };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

import type { RawEtcd } from './rawEtcd.js';

/** What a user may do with the keys that begin with a text. */
export type EtcdPermission = 'READ' | 'WRITE' | 'READWRITE';

/** The users of a server, each with one role of the same name; whoever asks must be root once they are enabled. */
export class EtcdUsers {
  readonly #raw: RawEtcd;

  constructor(raw: RawEtcd) {
    this.#raw = raw;
  }

  /** Makes root and has the server ask everybody who they are. */
  async enable(rootPassword: string): Promise<void> {
    await this.#raw.call('auth/user/add', { name: 'root', password: rootPassword });
    await this.#raw.call('auth/role/add', { name: 'root' });
    await this.#raw.call('auth/user/grant', { user: 'root', role: 'root' });
    await this.#raw.call('auth/enable', {});
  }

  async disable(): Promise<void> {
    await this.#raw.call('auth/disable', {});
  }

  /** Makes a user who may do so much with the keys that begin with each text. */
  async add(name: string, password: string, grants: Readonly<Record<string, EtcdPermission>> = {}): Promise<void> {
    await this.#raw.call('auth/user/add', { name, password });
    await this.#raw.call('auth/role/add', { name });
    await this.grantRole(name);
    for (const [prefix, permission] of Object.entries(grants)) await this.grant(name, prefix, permission);
  }

  async grant(name: string, prefix: string, permission: EtcdPermission): Promise<void> {
    const perm = { permType: permission, ...rangeOf(prefix) };
    await this.#raw.call('auth/role/grant', { name, perm });
  }

  async revoke(name: string, prefix: string): Promise<void> {
    await this.#raw.call('auth/role/revoke', { role: name, ...rangeOf(prefix) });
  }

  /** Gives a user the role of that name, which is their own if none is named. */
  async grantRole(user: string, role = user): Promise<void> {
    await this.#raw.call('auth/user/grant', { user, role });
  }

  async revokeRole(name: string, role = name): Promise<void> {
    await this.#raw.call('auth/user/revoke', { name, role });
  }

  async changePassword(name: string, password: string): Promise<void> {
    await this.#raw.call('auth/user/changepw', { name, password });
  }

  /** Makes a user who was removed anew, with the role that is still there. */
  async restore(name: string, password: string): Promise<void> {
    await this.#raw.call('auth/user/add', { name, password });
    await this.grantRole(name);
  }

  /** Removes a user. */
  async remove(name: string): Promise<void> {
    await this.#raw.call('auth/user/delete', { name });
  }
}

function rangeOf(prefix: string) {
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1;
  return { key: Buffer.from(prefix).toString('base64'), range_end: end.toString('base64') };
}

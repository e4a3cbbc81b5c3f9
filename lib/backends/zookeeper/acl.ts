import { createHash } from 'node:crypto';
import nodeZooKeeper from 'node-zookeeper-client';
import { InvalidOptionError } from '../../errors.js';
import type { AclEntry } from './aclEntry.js';
import type { Acl } from './client.js';

const { ACL, Id } = nodeZooKeeper;
/** What its types leave out. */
const presets = ACL as unknown as { readonly OPEN_ACL_UNSAFE: Acl; readonly CREATOR_ALL_ACL: Acl };

const READ = 1;

/** Who a client logs in as. */
export interface AclUser {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/**
 * The access control list of the nodes that a client makes.
 *
 * @throws InvalidOptionError if an entry cannot be read, or if nobody of the list could be this client with the right to read: a
 * server tells nobody of the removal of a node that he may not read, so its loss would never be noticed.
 */
export function toAcl(acl: 'open' | 'creator' | readonly AclEntry[] | undefined, user: AclUser): Acl {
  const wanted = acl ?? (user.username === undefined ? 'open' : 'creator');
  if (wanted === 'open') return presets.OPEN_ACL_UNSAFE;
  if (wanted === 'creator') return presets.CREATOR_ALL_ACL;
  if (!Array.isArray(wanted) || wanted.length === 0) {
    throw new InvalidOptionError('acl', '"open", "creator" or a list with at least one entry', wanted);
  }
  const entries = wanted as readonly AclEntry[];
  for (const { scheme, id, permissions } of entries) {
    if (!(Number.isInteger(permissions) && permissions >= 1 && permissions <= 31)) {
      throw new InvalidOptionError('acl', 'entries whose `permissions` is from 1 to 31', permissions);
    }
    if (typeof scheme !== 'string' || scheme === '' || typeof id !== 'string') {
      throw new InvalidOptionError('acl', 'entries with a `scheme` and an `id`', scheme);
    }
  }
  if (!entries.some((entry) => (entry.permissions & READ) !== 0 && mayBe(user, entry))) {
    const got = entries.map(({ scheme, permissions }) => `${scheme} ${permissions}`).join(', ');
    throw new InvalidOptionError('acl', 'a list that lets this client itself read (1) the nodes that it makes', got);
  }
  return entries.map(({ scheme, id, permissions }) => new ACL(permissions, new Id(scheme, id)));
}

/** Whether an entry may stand for a user, as far as that can be told: not of addresses, certificates and the like. */
function mayBe({ username, password = '' }: AclUser, { scheme, id }: AclEntry): boolean {
  if (scheme === 'world') return id === 'anyone';
  if (scheme === 'auth') return username !== undefined;
  if (scheme !== 'digest') return true;
  const digest = createHash('sha1').update(`${username}:${password}`).digest('base64');
  return username !== undefined && id === `${username}:${digest}`;
}

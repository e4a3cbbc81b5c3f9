export type { Pem, TlsOptions } from '../shared/tlsOptions.js';
export type { AclEntry } from './aclEntry.js';
export { zookeeper, type ZooKeeperOptions } from './zookeeper.js';

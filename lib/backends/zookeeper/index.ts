export type { AclEntry } from './aclEntry.js';
export { zookeeper, type ZooKeeperOptions } from './zookeeper.js';

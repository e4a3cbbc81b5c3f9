export type { AclEntry } from './acl.js';
export { zookeeper, type ZooKeeperOptions } from './zookeeper.js';

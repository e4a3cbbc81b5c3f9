export { type AclEntry, zookeeper, type ZooKeeperOptions } from './zookeeper.js';

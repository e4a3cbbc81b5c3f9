export { type AclEntry, zookeeper, zookeeperAt, type ZooKeeperOptions } from './zookeeper.js';

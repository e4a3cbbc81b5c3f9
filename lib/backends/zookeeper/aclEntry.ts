/** One entry of an access control list, in ZooKeeper's terms. */
export interface AclEntry {
  /** Who is meant: `world`, `auth`, `digest`, `ip`. */
  readonly scheme: string;
  /** Who exactly, such as `anyone` or `user:digest`. */
  readonly id: string;
  /** What they may do: the sum of 1 read, 2 write, 4 create, 8 delete and 16 admin. */
  readonly permissions: number;
}

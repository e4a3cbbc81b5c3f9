import { zookeeper } from '../../../lib/backends/zookeeper/index.js';
import { ZooKeeperSession } from '../../../lib/backends/zookeeper/zookeeperSession.js';
import { secret } from '../../support/secrets.js';
import { startZooKeeper } from '../../support/servers/zookeeperServer.js';
import { describeSecrets } from '../shared/secrets.js';

const PASSWORD = 'S3cr3t-pw';
const OTHER = 'an-0ther-pw';

describeSecrets('zookeeper', async () => ({
  server: await startZooKeeper(),
  connect: (address, sessionTimeoutMs) => zookeeper(address, { sessionTimeoutMs, username: 'app', password: PASSWORD }),
  intrude: (address) => zookeeper(address, { username: 'stranger', password: OTHER }),
  secretsOf: (session) => [
    secret('the password', PASSWORD),
    secret("the stranger's password", OTHER),
    secret("the session's password", ZooKeeperSession.credentialsOf(session as ZooKeeperSession).password),
  ],
}));

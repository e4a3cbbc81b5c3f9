import { etcd } from '../../../lib/backends/etcd/index.js';
import { secret } from '../../support/secrets.js';
import { startEtcd } from '../../support/servers/etcdServer.js';
import { describeSecrets } from '../shared/secrets.js';

const PASSWORD = 'S3cr3t-pw';
const OTHER = 'an-0ther-pw';

describeSecrets('etcd', async () => {
  const server = await startEtcd({ tls: 'mutual', rootPassword: PASSWORD });
  const tls = server.tls!;
  const secrets = [
    secret('the password', PASSWORD),
    secret('the wrong password', OTHER),
    secret('the key', tls.key.split('\n')[1]!),
    // As the server makes them: sixteen letters, and the revision at which it did.
    { name: 'a token', forms: [/\b[A-Za-z]{16}\.\d+\b/] },
  ];
  return {
    server,
    connect: (address, sessionTimeoutMs) =>
      etcd(address, { sessionTimeoutMs, username: 'root', password: PASSWORD, tls }),
    intrude: (address) => etcd(address, { username: 'root', password: OTHER, tls }),
    secretsOf: () => secrets,
  };
});

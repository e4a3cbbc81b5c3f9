import assert from 'node:assert';
import { createRegistry } from 'rx-registry';
import { asJson } from 'rx-registry/config';
import { etcd } from 'rx-registry/etcd';
import { memory, MemoryServer } from 'rx-registry/memory';
import { fakeInstances } from 'rx-registry/testing';
import { zookeeper } from 'rx-registry/zookeeper';

assert(asJson && etcd && zookeeper);
const registry = createRegistry(memory({ server: new MemoryServer() }));
const [instance] = fakeInstances(1);
await registry.provide(instance);
assert.strictEqual((await registry.lookup(instance, { fresh: true })).size, 1);
await registry.close();
// Nobody is there: what is loaded with a client library is asked for.
for (const address of ['zookeeper://127.0.0.1:1', 'etcd://127.0.0.1:1']) {
  const absent = createRegistry(address);
  await assert.rejects(absent.lookup({ interface: 'x' }, { timeoutMs: 500 }), { code: 'TIMEOUT' });
  await absent.close();
}
console.log('ran as a module');

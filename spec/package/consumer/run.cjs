const assert = require('node:assert');
const { createRegistry, InstanceSet, RegistryError, ServiceUrl } = require('rx-registry');
const { balance, roundRobin } = require('rx-registry/operators');
for (const part of ['config', 'testing', 'zookeeper', 'etcd', 'memory', 'grpc']) {
  assert(Object.keys(require(`rx-registry/${part}`)).length > 0, part);
}

(async () => {
  const registry = createRegistry('memory://shared');
  await registry.provide('dubbo://10.0.0.5:20880/com.acme.Users');
  // The same classes, and the same server in memory, for those who import.
  const esm = await import('rx-registry');
  const operators = await import('rx-registry/operators');
  for (const name of Object.keys(esm)) assert.strictEqual(esm[name], require('rx-registry')[name], name);
  assert.strictEqual(operators.balance, balance);
  const other = esm.createRegistry('memory://shared');
  const set = await other.lookup({ interface: 'com.acme.Users' });
  assert.strictEqual(set.size, 1);
  assert(set instanceof InstanceSet && [...set][0] instanceof ServiceUrl);
  assert.throws(() => esm.createRegistry('nowhere://'), RegistryError);
  const picker = other.picker({ interface: 'com.acme.Users' }, { balancer: roundRobin() });
  assert.strictEqual(await picker.run(({ address }) => address), '10.0.0.5:20880');
  await Promise.all([registry.close(), other.close()]);
  console.log('ran as CommonJS');
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

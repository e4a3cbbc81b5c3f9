// What a user's program does with each part of the package; compiled as a module and as CommonJS.
import { firstValueFrom } from 'rxjs';
import {
  createConfigCenter,
  createRegistry,
  type InstanceSet,
  type Registry,
  RegistryError,
  ServiceUrl,
} from 'rx-registry';
import { asYaml } from 'rx-registry/config';
import { etcd } from 'rx-registry/etcd';
import { memory, MemoryServer } from 'rx-registry/memory';
import { balance, leastLoaded, type Picker, stabilize } from 'rx-registry/operators';
import { fakeInstances, marbleBackend } from 'rx-registry/testing';
import { zookeeper } from 'rx-registry/zookeeper';

export async function main(): Promise<string> {
  const registry: Registry = createRegistry(memory({ server: new MemoryServer() }));
  const provision = await registry.provide('dubbo://10.0.0.5:20880/com.acme.Users?version=1.0.0');
  const query = { interface: 'com.acme.Users', version: '*' };
  const set: InstanceSet = await registry.lookup(query, { fresh: true });
  const hosts: string[] = [];
  for (const service of set) hosts.push(service.host.toUpperCase());
  for (const [key, service] of set.entries()) hosts.push(key.toUpperCase(), service.host);
  const picker: Picker = await firstValueFrom(
    registry.instances(query).pipe(stabilize({ removeAfterMs: 1_000 }), balance(leastLoaded())),
  );
  const host: string = await picker.run(({ host }) => host);
  registry.subscribe(query, { synced: true }).subscribe((event) => {
    if (event.type !== 'synced') hosts.push(event.service.address);
  });
  const config = createConfigCenter(registry);
  config.watch('a.yml').pipe(asYaml()).subscribe();
  await config.close();
  await provision.release();
  await registry.close();
  const [fake] = fakeInstances(1);
  createRegistry(marbleBackend({ contents: 'x', values: { x: [fake] } }));
  createRegistry(zookeeper('127.0.0.1:1', { sessionTimeoutMs: 10_000 }));
  createRegistry(etcd('127.0.0.1:1', { tls: { serverName: 'x' } }));
  try {
    createRegistry('nowhere://');
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'INVALID_URL') throw error;
  }
  return host + ServiceUrl.parse('tri://h:1/x').host;
}

// @ts-expect-error: types are there, so a mistake is one
createRegistry(5);

// A backend of your own: one for a server that speaks HTTP, in examples/backend/httpBackend.ts, with the contract that says
// whether it is one, and a registry on it.
import { createRegistry } from 'rx-registry';
import { backendContract } from 'rx-registry/backend/testing';
import { contractServer } from './backend/contractServer.js';
import { httpBackend } from './backend/httpBackend.js';
import { HttpServer } from './backend/httpServer.js';

const server = new HttpServer();
const url = await server.listen();

let failed = 0;
for (const { group, title, run } of backendContract) {
  await run(contractServer(server, url)).catch((error: unknown) => {
    failed += 1;
    console.log(`failed  ${group}: ${title}\n${String(error)}`);
  });
}
console.log(`${backendContract.length} promises of a backend, ${failed} not kept`);

const registry = createRegistry(httpBackend({ url }));
const provision = await registry.provide('dubbo://10.0.0.5:20880/com.acme.Users?version=1.0.0');
console.log(`found: ${String(await registry.lookup({ interface: 'com.acme.Users', version: '1.0.0' }))}`);
await provision.release();
await registry.close();
await server.close();
if (failed > 0) process.exitCode = 1;

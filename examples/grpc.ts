// A gRPC channel that finds its servers through the registry, and follows it while they come and go.
import { firstValueFrom, interval, mergeMap, timer } from 'rxjs';
import { drained } from 'rx-registry';
import { registerGrpcResolver } from 'rx-registry/grpc';
import { greeterClient, startGreeter } from './support/greeter.js';
import { stageAt } from './support/stage.js';
import { Tally } from './support/tally.js';

await using stage = stageAt(process.argv[2] ?? 'memory://');
await using providers = stage.client();
await using consumer = stage.client();
using resolver = registerGrpcResolver(consumer);

// A name of its own, so that two of these on one server do not meet.
const service = `com.acme.grpc${process.pid}.Greeter`;
const start = async (name: string) => {
  const server = await startGreeter(service, name);
  const provision = await providers.provide(`tri://127.0.0.1:${server.port}/${service}`);
  console.log(`${name} serves on port ${server.port}`);
  return { server, provision };
};
const [first, second] = await Promise.all([start('Ada'), start('Ben')]);

const client = greeterClient(service, `${resolver.scheme}:///${service}`);
const tally = new Tally();
const calling = interval(10)
  .pipe(mergeMap(() => tally.count(async () => (await client.greet('you')).split(' ')[0]!)))
  .subscribe();
const watched = async (): Promise<void> => {
  await firstValueFrom(timer(700));
  console.log(`  ${tally.text}`);
};

await watched();
const third = await start('Cyd');
await watched();
const { isComplete } = await drained({ provisions: first.provision, propagationMs: 500, close: first.server.close });
console.log(`Ada has left${isComplete ? '' : ', and something was cut off'}`);
await watched();

calling.unsubscribe();
await tally.settled();
client.close();
for (const { server } of [second, third]) await server.close({ signal: AbortSignal.abort() });
console.log(`${tally.sent} calls, ${tally.failed} failed`);
process.exitCode = tally.failed > 0 ? 1 : 0;

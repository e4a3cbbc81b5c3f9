// A consumer that starts while the registry is away, and serves: it calls who was there last, and hears what changed when the
// registry is back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { fileCache } from 'rx-registry';
import { startHttpProvider } from './support/httpProvider.js';
import { outageAt } from './support/outage.js';
import { Tally } from './support/tally.js';

// A name of its own, so that two of these on one server do not meet.
const service = `com.acme.start${process.pid}.Users`;
const query = { interface: service };
const directory = await mkdtemp(join(tmpdir(), 'shop-'));
await using registryServer = await outageAt(process.argv[2] ?? 'memory://');
console.log(`On ${registryServer.name}.`);

const providers = [await startHttpProvider('provider 1'), await startHttpProvider('provider 2')];
const provider = registryServer.provider();
const provisions = [];
for (const { port } of providers) provisions.push(await provider.provide(`http://127.0.0.1:${port}/${service}`));

// Kept soon after the first answer, seldom after that, and when the registry is closed.
const before = registryServer.consumer({ cache: fileCache(directory) });
await firstValueFrom(before.instances(query).pipe(filter(({ size }) => size === providers.length)));
await before.close();
console.log('--- the consumer stops, and the registry is away for it');
registryServer.cut();

const consumer = registryServer.consumer({ cache: fileCache(directory, { afterMs: 500 }) });
consumer.warnings.subscribe(({ message }) => console.log(`warning: ${message}`));
consumer.instances(query).subscribe((set) => {
  console.log(`told: ${set.size} instances (${set.origin}${set.origin === 'kept' ? `, ${set.ageMs} ms old` : ''})`);
});
const users = consumer.picker(query, { waitMs: 10_000 });
const tally = new Tally();
const call = async ({ address }: { readonly address: string }): Promise<string> =>
  (await fetch(`http://${address}/`)).text();
for (let calls = 0; calls < 20; calls++) await tally.count(() => users.run(call));
console.log(`without the registry: ${tally.text}`);

console.log('--- the registry is back, and one provider has gone meanwhile');
await provisions[0]!.release();
registryServer.heal();
await firstValueFrom(consumer.instances(query).pipe(filter(({ origin, size }) => origin === 'registry' && size === 1)));
for (let calls = 0; calls < 20; calls++) await tally.count(() => users.run(call));
console.log(`with the registry: ${tally.text}`);

await Promise.all([consumer.close(), provider.close()]);
for (const { close } of providers) await close({ signal: AbortSignal.timeout(1_000) });
await rm(directory, { recursive: true });
if (tally.failed > 0 || tally.sent !== 40) process.exitCode = 1;

// HTTP requests over `fetch` to whoever is there: each goes to the better of two that are drawn at random.
import { firstValueFrom, interval, mergeMap, timer, withLatestFrom } from 'rxjs';
import { drained } from 'rx-registry';
import { balance, powerOfTwoChoices } from 'rx-registry/operators';
import { startHttpProvider } from './support/httpProvider.js';
import { stageAt } from './support/stage.js';
import { Tally } from './support/tally.js';

await using stage = stageAt(process.argv[2] ?? 'memory://');
await using providers = stage.client();
await using consumer = stage.client();

// A name of its own, so that two of these on one server do not meet.
const service = `com.acme.http${process.pid}.Catalog`;
const start = async (name: string, answerMs: number) => {
  const server = await startHttpProvider(name, answerMs);
  const provision = await providers.provide(`http://127.0.0.1:${server.port}/${service}`);
  console.log(`${name} serves on port ${server.port}, in about ${answerMs} ms`);
  return { server, provision };
};
const running = await Promise.all([start('quick', 20), start('usual', 40), start('slow', 120)]);

const tally = new Tally();
const picker = consumer.instances({ interface: service }).pipe(balance(powerOfTwoChoices()));
const calling = interval(10)
  .pipe(
    withLatestFrom(picker),
    mergeMap(([, picker]) =>
      tally.count(() => picker.run(async ({ address }) => (await fetch(`http://${address}/`)).text())),
    ),
  )
  .subscribe();

await firstValueFrom(timer(2_000));
console.log(tally.text);
console.log('slow leaves');
const slow = running.pop()!;
await drained({
  provisions: slow.provision,
  inFlight: slow.server.inFlight,
  propagationMs: 500,
  close: slow.server.close,
});
await firstValueFrom(timer(500));

calling.unsubscribe();
await tally.settled();
console.log(tally.text);
for (const { server } of running) await server.close({ signal: AbortSignal.abort() });
process.exitCode = tally.failed > 0 ? 1 : 0;

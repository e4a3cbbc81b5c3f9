// Three providers are restarted, one after another, under constant load. Each leaves in order: taken back and acknowledged,
// known to consumers, calls finished, closed. So no call is lost.
import { firstValueFrom, interval, lastValueFrom, mergeMap, tap, timer, withLatestFrom } from 'rxjs';
import { drain, type DrainStep } from 'rx-registry';
import { balance, roundRobin } from 'rx-registry/operators';
import { startHttpProvider } from './support/httpProvider.js';
import { stageAt } from './support/stage.js';
import { Tally } from './support/tally.js';

await using stage = stageAt(process.argv[2] ?? 'memory://');
await using consumer = stage.client();
await using providers = stage.client();

// A name of its own, so that two of these on one server do not meet.
const service = `com.acme.rolling${process.pid}.Orders`;
const start = async (name: string) => {
  const server = await startHttpProvider(name, 50);
  const provision = await providers.provide(`http://127.0.0.1:${server.port}/${service}`);
  return { name, server, provision };
};
const running = await Promise.all(['A1', 'B1', 'C1'].map(start));

const tally = new Tally();
const picker = consumer.instances({ interface: service }).pipe(balance(roundRobin()));
const calling = interval(5)
  .pipe(
    withLatestFrom(picker),
    mergeMap(([, picker]) =>
      tally.count(() => picker.run(async ({ address }) => (await fetch(`http://${address}/`)).text())),
    ),
  )
  .subscribe();

const describe = (step: DrainStep): string => {
  switch (step.step) {
    case 'release':
      return `taken back: ${step.acknowledged} of ${step.of} acknowledged`;
    case 'propagate':
      return `consumers get ${step.propagationMs} ms to hear of it`;
    case 'finish':
      return `${step.inFlight} calls under way`;
    case 'close':
      return step.isForced ? 'closed by force' : 'closed';
    case 'done':
      return step.report.isComplete ? 'done, nothing was cut off' : `cut off: ${JSON.stringify(step.report.cutOff)}`;
  }
};

for (const [index, { name, server, provision }] of running.entries()) {
  const { inFlight, close } = server;
  await lastValueFrom(
    drain({ provisions: provision, inFlight, close, propagationMs: 500, deadlineMs: 8_000 }).pipe(
      tap((step) => console.log(`${name} ${step.elapsedMs.toFixed(0).padStart(5)} ms  ${describe(step)}`)),
    ),
  );
  running[index] = await start(name.replace('1', '2'));
  console.log(`${running[index].name} is there\n`);
  await firstValueFrom(timer(500));
}

calling.unsubscribe();
await tally.settled();
for (const { server } of running) await server.close({ signal: AbortSignal.abort() });
console.log(tally.text);
process.exitCode = tally.failed > 0 ? 1 : 0;

// The main job, told as it happens: providers come, change, lose their session and leave; a consumer keeps serving.
import {
  BehaviorSubject,
  distinctUntilChanged,
  filter,
  firstValueFrom,
  interval,
  map,
  timer,
  withLatestFrom,
} from 'rxjs';
import { ServiceUrl } from 'rx-registry';
import { stageAt } from './support/stage.js';

const address = process.argv[2] ?? 'memory://';
const started = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${text}`);
const step = async (text: string): Promise<void> => {
  await firstValueFrom(timer(700)); // time to read
  console.log(`\n${text}`);
};

async function tour(): Promise<void> {
  await using stage = stageAt(address);
  console.log(`rx-registry on ${stage.name}`);

  // A name of its own, so that two tours on one server do not meet.
  const service = `com.acme.tour${process.pid}.UserService`;
  const urlOf = (host: string, weight = 100): ServiceUrl =>
    ServiceUrl.parse(`dubbo://${host}:20880/${service}?version=1.0.0&weight=${weight}`);

  await step('1. A consumer asks who provides the service. Nobody yet: that is an empty set, not an error.');
  await using consumer = stage.client();
  const query = { interface: service, version: '1.0.0' };
  const first = await consumer.lookup(query, { timeoutMs: 10_000 });
  say(`consumer: ${first.size} instances`);
  const events = consumer.subscribe(query);
  const telling = events.subscribe(({ type, service: { address: at, parameters } }) => {
    say(`consumer: ${type.padEnd(6)} ${at} (weight ${parameters.get('weight')})`);
  });
  const seen = (type: string, host: string): Promise<unknown> =>
    firstValueFrom(events.pipe(filter((event) => event.type === type && event.service.host === host)));
  const gone = (host: string): Promise<unknown> =>
    firstValueFrom(consumer.instances(query).pipe(filter((set) => [...set].every((at) => at.host !== host))));

  await step('2. Three providers appear, each in a session of its own.');
  await using first1 = stage.client();
  const doomed = await stage.doomedClient();
  await using second = doomed.registry;
  await using third = stage.client();
  await first1.provide(urlOf('10.0.0.1'), { timeoutMs: 10_000 });
  const weighted = new BehaviorSubject(urlOf('10.0.0.2'));
  second
    .register(weighted)
    .pipe(
      map(({ status }) => status),
      distinctUntilChanged(),
    )
    .subscribe((status) => say(`provider 10.0.0.2: ${status}`));
  const leaving = await third.provide(urlOf('10.0.0.3'), { timeoutMs: 10_000 });
  await seen('add', '10.0.0.2');

  // From here on the consumer sends a request every 20 ms to whoever is there, in turn.
  let served = 0;
  let failed = 0;
  const requests = interval(20)
    .pipe(
      withLatestFrom(consumer.instances(query).pipe(map((instances) => instances.toArray()))),
      map(([request, targets]) => targets[request % targets.length]),
    )
    .subscribe((target) => (target ? (served += 1) : (failed += 1)));

  await step('3. One provider changes its weight: an update, not a removal and an addition.');
  const updated = seen('update', '10.0.0.2');
  weighted.next(urlOf('10.0.0.2', 20));
  await updated;

  await step('4. Its session is expired. The consumer goes on with the others, the provider comes back by itself.');
  await doomed.loseSession(gone('10.0.0.2'));
  await seen('add', '10.0.0.2');

  await step('5. One leaves for good, and the removal is acknowledged.');
  await leaving.release();
  await gone('10.0.0.3');

  requests.unsubscribe();
  telling.unsubscribe();
  await step(`The consumer served ${served} requests meanwhile; ${failed} found nobody.`);
}

try {
  await tour();
} catch (error) {
  console.error(`\nThe tour could not go on: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

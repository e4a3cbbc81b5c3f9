// Tests of what one builds on a registry, without a server, a test runner, or waiting: an outage of 30 s takes milliseconds.
import assert from 'node:assert/strict';
import { withLatestFrom } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { createRegistry } from 'rx-registry';
import { balance, roundRobin } from 'rx-registry/operators';
import { FAKE_INTERFACE, fakeInstances, foldEvents, marbleBackend, recordOf, scenario } from 'rx-registry/testing';

const query = { interface: FAKE_INTERFACE };
const [a, b] = fakeInstances(2);

console.log('A balancer keeps serving while ZooKeeper is away for 30 s.');
new TestScheduler(assert.deepEqual).run(({ hot, expectObservable }) => {
  const states = '               c 10s s 30s c'; //  connected, suspended, connected again
  const contents = '             x 20s y'; //        b alone is left while nobody can look
  const requests = hot('         5s r 14999ms r 14999ms r 14999ms r 14999ms r');
  const backend = marbleBackend({ states, contents, values: { x: [a, b], y: [b] } });
  const picker = createRegistry(backend)
    .instances(query)
    .pipe(balance(roundRobin({ random: () => 0 })));
  const hosts = requests.pipe(withLatestFrom(picker, (_, now) => now.pick()?.host));
  expectObservable(hosts).toBe('5s a 14999ms b 14999ms a 14999ms b 14999ms b', { a: a.host, b: b.host });
});

console.log(
  'A provider that is cut off for longer than its session is gone for its consumers, and comes back by itself:',
);
const story = scenario({ sessionTimeoutMs: 10_000 });
const [provider, consumer] = [story.client(), story.client()];
provider.registry.register(a).subscribe();
const states = recordOf(provider.registry.states, story);
const events = recordOf(consumer.registry.subscribe(query), story);
story
  .at('5s', () => provider.cut())
  .at('20s', () => provider.heal())
  .pass('1m');
console.log(`  its connection    ${String(states)}`);
console.log(`  its consumer      ${String(events)}`);
assert.equal(foldEvents(events.values).size, 1);
assert.equal((await story.settle(consumer.registry.lookup(query))).size, 1);
console.log('All of it as expected.');

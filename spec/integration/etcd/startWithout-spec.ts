import { expect, it, onTestFinished } from 'vitest';
import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { runExample } from '../shared/programs.js';

it('etcd: a consumer that starts while the registry is away serves, and hears what changed when it is back', async () => {
  const server = await startEtcdRegistry();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const printed = await runExample('start-without', `${server.scheme}://${server.address}`);
  expect(printed).toMatch(/told: 2 instances \(kept[^]*: 20 calls, 0 failed[^]*\(registry\)[^]*: 40 calls, 0 failed/);
}, 180_000);

import { expect, it, onTestFinished } from 'vitest';
import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { runExample } from '../shared/programs.js';

it('zookeeper: a consumer that starts while the registry is away serves, and hears what changed when it is back', async () => {
  const server = await startZooKeeperRegistry();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const printed = await runExample('start-without', `${server.scheme}://${server.address}`);
  expect(printed).toMatch(/told: 2 instances \(kept[^]*: 20 calls, 0 failed[^]*\(registry\)[^]*: 40 calls, 0 failed/);
}, 180_000);

import { expect, it, onTestFinished } from 'vitest';
import { startEtcdRegistry } from '../../support/scenario/etcdRegistry.js';
import { startZooKeeperRegistry } from '../../support/scenario/zookeeperRegistry.js';
import { runExample } from '../shared/programs.js';

it('everybody moves from ZooKeeper to etcd under load: no call fails, and no instance is missing that is up', async () => {
  const from = await startZooKeeperRegistry();
  onTestFinished(() => from[Symbol.asyncDispose]());
  const to = await startEtcdRegistry();
  onTestFinished(() => to[Symbol.asyncDispose]());
  const printed = await runExample('migrate', `${from.scheme}://${from.address}`, `${to.scheme}://${to.address}`);
  expect(printed).toMatch(/\d+ calls, 0 failed .*; 0 times an instance was missing that was up/);
}, 240_000);

import { seededRandom } from '../../lib/testing/seededRandom.js';
import { startEtcdRegistry } from '../support/scenario/etcdRegistry.js';
import type { StartRegistryServer } from '../support/scenario/registryServer.js';
import { startZooKeeperRegistry } from '../support/scenario/zookeeperRegistry.js';
import { herdInMemory } from './herdInMemory.js';
import { herdOnServer } from './herdOnServer.js';
import { BIN_MS, draw, histogram } from './histogram.js';
import { BACKOFF, expectedPerBin, mostPerBin } from './window.js';

// How clients return whose server was away, printed as a histogram of their attempts; with words, only on those backends.
const words = process.argv.slice(2);
const wanted = (name: string): boolean => words.length === 0 || words.includes(name);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

function report(name: string, clients: number, attempts: readonly number[], backAt: number, allBackAt: number): void {
  const from = backAt - 2 * BACKOFF.maxMs;
  const bins = histogram(attempts, from, allBackAt + BIN_MS);
  const peak = Math.max(...bins);
  const peakSince = Math.max(...histogram(attempts, backAt, allBackAt + BIN_MS));
  say(`\n${name}: ${clients} clients, attempts in each ${BIN_MS} ms; the server is back at 0`);
  say(draw(bins, from, backAt));
  say(
    `peak ${peak}, since it is back ${peakSince}; the backoff has ${expectedPerBin(clients).toFixed(0)} on average and at most ${mostPerBin(clients).toFixed(0)}; ` +
      `all back after ${Math.round(allBackAt - backAt)} ms`,
  );
  if (peakSince > mostPerBin(clients)) process.exitCode = 1;
}

async function onServer(name: string, start: StartRegistryServer, clients: number): Promise<void> {
  const options = { clients, processes: 4, outageMs: 6_000, sessionMs: 10_000 };
  const { attempts, backAt, allBackAt } = await herdOnServer(start, options);
  report(name, clients, attempts, backAt, allBackAt);
}

if (wanted('memory')) {
  const { attempts, backAt, allBackAt } = herdInMemory(1_000, 6_000, seededRandom(Date.now()));
  report('memory, in virtual time', 1_000, attempts.flat(), backAt, allBackAt);
}
if (wanted('zookeeper')) await onServer('ZooKeeper', startZooKeeperRegistry, 1_000);
// A client of etcd is many times as much work: two cores cannot serve more of them, and would measure themselves.
if (wanted('etcd')) await onServer('etcd', startEtcdRegistry, 100);

import { etcdProgram, etcdVersion } from './etcdProgram.js';
import { javaRuntime } from './javaRuntime.js';
import { zookeeperDistribution } from './zookeeperDistribution.js';

const report = (line: string) => console.log(line);

/** Gets every server that the integration specs run against: `npm run servers`. */
async function fetchServers(): Promise<void> {
  const fetched = await Promise.allSettled([fetchZooKeeper(), fetchEtcd()]);
  for (const each of fetched) {
    if (each.status === 'fulfilled') continue;
    console.error(explain(each.reason));
    process.exitCode = 1;
  }
}

async function fetchZooKeeper(): Promise<void> {
  await javaRuntime(report);
  const { version } = await zookeeperDistribution(report);
  report(`ZooKeeper ${version}: ready`);
}

async function fetchEtcd(): Promise<void> {
  report(`etcd ${await etcdVersion(await etcdProgram(report))}: ready`);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\nCause: ${explain(error.cause)}`;
}

await fetchServers();

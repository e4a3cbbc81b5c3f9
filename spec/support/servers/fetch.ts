import { javaRuntime } from './javaRuntime.js';
import { zookeeperDistribution } from './zookeeperDistribution.js';

/** Gets every server that the integration specs run against: `npm run servers`. */
async function fetchServers(): Promise<void> {
  const report = (line: string) => console.log(line);
  await javaRuntime(report);
  const { version } = await zookeeperDistribution(report);
  report(`ZooKeeper ${version}: ready`);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\nCause: ${explain(error.cause)}`;
}

await fetchServers().catch((error: unknown) => {
  console.error(explain(error));
  process.exitCode = 1;
});

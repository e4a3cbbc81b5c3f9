import { parseArgs } from 'node:util';
import { fetchNetty } from './nettyLibrary.js';
import { ETCD } from './etcdProgram.js';
import { fetchServer } from './fetchServer.js';
import { fetchJava } from './javaRuntime.js';
import { choiceOf, ownServer, type ServerKind } from './serverReleases.js';
import { ZOOKEEPER } from './zookeeperDistribution.js';

// `npm run servers`: gets the servers that specs run on, by default those that the environment chooses.
//   npm run servers -- etcd=oldest zookeeper=3.6    gets these
//   npm run servers -- --renew                      gets them again: Debian may have newer ones by now

const { values, positionals } = parseArgs({
  options: { renew: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const KINDS = [ETCD, ZOOKEEPER];
const report = (line: string) => console.log(line);

const jobs =
  positionals.length > 0
    ? positionals.map(readWish).map(({ kind, choice }) => ready(kind, choice))
    : KINDS.map((kind) => ready(kind, choiceOf(kind), ownServer(kind)));
for (const job of await Promise.allSettled(jobs)) {
  if (job.status === 'fulfilled') continue;
  console.error(explain(job.reason));
  process.exitCode = 1;
}

function readWish(wish: string): { kind: ServerKind; choice: string } {
  const [name, choice] = wish.split('=');
  const kind = KINDS.find((each) => each.name.toLowerCase() === name?.toLowerCase());
  if (!kind || !choice) throw new Error(`"${wish}" is no server: write etcd=oldest or zookeeper=3.6, for example.`);
  return { kind, choice };
}

async function ready(kind: ServerKind, choice: string, own?: string): Promise<void> {
  if (kind === ZOOKEEPER) await Promise.all([fetchJava(report), fetchNetty(report)]);
  const version = own ? await kind.versionOf(own) : await fetchServer(kind, choice, { report, renew: values.renew });
  report(`${kind.name} ${version}: ready`);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const causes = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  return [error.message, ...causes.map((cause) => `Cause: ${explain(cause)}`)].join('\n');
}

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { findExecutable } from '../support/servers/findExecutable.js';
import { fetchJava, javaRuntime } from '../support/servers/javaRuntime.js';
import { onProcessEnd } from '../support/servers/onProcessEnd.js';
import { runProgram } from '../support/servers/runProgram.js';
import { cached, inCache } from '../support/servers/serverCache.js';

const SOURCES = join(import.meta.dirname, 'java');
const FILES = ['pom.xml', 'simplelogger.properties', 'peer/Greeter.java', 'peer/Peer.java'];

/** A name for this machine that Java takes for a provider's host: it replaces 127.0.0.1 by another address. */
export const HOST = 'jhost';

/** What a Java process can be told to do. */
export type Order =
  | {
      readonly do: 'provide';
      readonly id: string;
      readonly name: string;
      readonly application: string;
      /** `N/A` for one that is not registered. */
      readonly registry: string;
      readonly protocol: 'dubbo' | 'tri';
      readonly port: number;
      readonly version: string;
      readonly registerMode?: 'all' | 'interface' | 'instance';
      readonly metadataType?: 'local' | 'remote';
    }
  | {
      readonly do: 'consume';
      readonly id: string;
      readonly application: string;
      readonly registry: string;
      readonly version: string;
    }
  | { readonly do: 'call'; readonly id: string; readonly times: number }
  | { readonly do: 'stop'; readonly id: string };

/** Builds the program, unless that was done before; returns its folder. Says what is missing on a machine that cannot. */
export async function buildPeer(): Promise<string> {
  await fetchJava((line) => console.log(line));
  const contents = await Promise.all(FILES.map((file) => readFile(join(SOURCES, file))));
  const hash = createHash('sha256');
  for (const content of contents) hash.update(content);
  return cached(inCache(`peer-${hash.digest('hex').slice(0, 16)}`), async (folder) => {
    const maven = findExecutable('mvn');
    if (!maven) {
      throw new Error(
        'Java Dubbo is got with Maven, and there is no program mvn on the path: as root, run `apt-get update && apt-get install maven`.',
      );
    }
    const [lib, classes] = [join(folder, 'lib'), join(folder, 'classes')];
    await mkdir(classes);
    await runProgram(
      maven,
      ['-B', '-q', '-f', join(SOURCES, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`],
      folder,
    );
    await runProgram(javaRuntime(), [
      ...['-cp', join(lib, '*'), 'org.eclipse.jdt.internal.compiler.batch.Main'],
      ...['-source', '11', '-target', '11', '-nowarn', '-parameters', '-d', classes, join(SOURCES, 'peer')],
    ]);
    await copyFile(join(SOURCES, 'simplelogger.properties'), join(classes, 'simplelogger.properties'));
    await writeFile(join(folder, 'hosts'), `127.0.0.1 ${HOST}\n`);
  });
}

/** A Java process with providers and consumers of Dubbo. */
export class JavaPeer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: ((answer: { result?: unknown; error?: string }) => void)[] = [];
  #log = '';

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    const forget = onProcessEnd(() => child.kill('SIGKILL'));
    child.once('exit', forget);
    child.stderr.on('data', (text: Buffer) => (this.#log = `${this.#log}${text.toString()}`.slice(-4_000)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('@ ')) this.#answers.shift()?.(JSON.parse(line.slice(2)) as { result?: unknown });
      else this.#log = `${this.#log}${line}\n`.slice(-4_000);
    });
    child.once('exit', (code) => {
      for (const answer of this.#answers.splice(0)) answer({ error: `Java ended with code ${code}.` });
    });
  }

  /** Starts one; resolves when it takes orders. */
  static async start(folder: string): Promise<JavaPeer> {
    const home = join(folder, 'homes', `${process.pid}-${performance.now()}`);
    await mkdir(home, { recursive: true });
    const child = spawn(
      javaRuntime(),
      [
        ...['-Xmx256m', '-Djava.net.preferIPv4Stack=true', `-Djdk.net.hosts.file=${join(folder, 'hosts')}`],
        // Dubbo keeps metadata there, which one run shall not find of another.
        `-Duser.home=${home}`,
        ...['-cp', [join(folder, 'classes'), join(folder, 'lib', '*')].join(delimiter), 'peer.Peer'],
      ],
      { env: { ...process.env, DUBBO_IP_TO_REGISTRY: HOST, DUBBO_IP_TO_BIND: HOST } },
    );
    const peer = new JavaPeer(child);
    await peer.#answer();
    return peer;
  }

  /** Has something done; rejects with what Java says if it fails. */
  order(order: Order): Promise<unknown> {
    const answer = this.#answer();
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    return answer;
  }

  /** How many of so many calls each provider answered. */
  async call(id: string, times: number): Promise<Record<string, number>> {
    return (await this.order({ do: 'call', id, times })) as Record<string, number>;
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#answers.push(({ result, error }) =>
        error === undefined ? resolve(result) : reject(new Error(`${error}\n${this.#log}`)),
      );
    });
  }
}

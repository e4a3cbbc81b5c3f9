// The process that a client is measured in: it does what it is told and answers with what that took.
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchClient, clientNamed, type ClientName, type Credentials } from '../clients/index.js';
import { LoopGaps } from './loopGaps.js';
import { cpuMsSince, measured, sharedClockMs, type Took } from './measured.js';
import { sampleUrls } from './sampleUrls.js';

const name = process.argv[2] as ClientName;
let client: BenchClient;
let lists: ListSeen[] = [];
let cpu = process.cpuUsage();
let awaitsList: ((list: ListSeen) => void) | undefined;

/** A list that was told, and when by the clock that all processes of this machine share. */
interface ListSeen {
  readonly atMs: number;
  readonly service: string;
  readonly size: number;
}

const methods = {
  /** Connects as a new client. */
  async connect(address: string, sessionTimeoutMs: number): Promise<void> {
    client = await clientNamed(name);
    await client.connect(address, sessionTimeoutMs);
  },

  async register(service: string, count: number, from = 0): Promise<Took> {
    const urls = sampleUrls(service, count, from);
    globalThis.gc?.();
    return measured(() => client.register(service, urls));
  },

  async list(service: string, expected: number): Promise<Took> {
    globalThis.gc?.();
    const { value, ...took } = await measured(() => client.list(service));
    if (value !== expected) throw new Error(`${name} listed ${value} instead of ${expected}.`);
    return took;
  },

  /** From nothing to the first list, as a new client. */
  async connectAndList(address: string, sessionTimeoutMs: number, service: string, expected: number): Promise<Took> {
    return measured(async () => {
      await methods.connect(address, sessionTimeoutMs);
      const size = await client.list(service);
      if (size !== expected) throw new Error(`${name} listed ${size} instead of ${expected}.`);
    });
  },

  /** For how long listing keeps everything else in this process waiting. */
  async listGaps(service: string): Promise<{ readonly longestMs: number }> {
    globalThis.gc?.();
    const gaps = new LoopGaps();
    await client.list(service);
    return { longestMs: gaps.stop() };
  },

  /** Follows a service from now on; resolves when the first list is there. */
  async follow(service: string): Promise<void> {
    await client.follow(service, (size) => {
      const list = { atMs: sharedClockMs(), service, size };
      lists.push(list);
      awaitsList?.(list);
      awaitsList = undefined;
    });
  },

  /** Follows it many times over. */
  async followOften(service: string, times: number): Promise<void> {
    for (let time = 0; time < times; time++) await methods.follow(service);
  },

  /** How many bytes more the heap has after following a service. */
  async heapOfList(service: string): Promise<{ readonly bytes: number }> {
    return { bytes: await heapGrowth(() => methods.follow(service)) };
  },

  /** How many bytes more the heap has after announcing providers. */
  async heapOfRegistrations(service: string, count: number): Promise<{ readonly bytes: number }> {
    return { bytes: await heapGrowth(() => client.register(service, sampleUrls(service, count))) };
  },

  async credentials(): Promise<Credentials | undefined> {
    return client.credentials();
  },

  /** What it takes, from a new session on, until everything is there again; to be asked before the old one is lost. */
  async reasserted(): Promise<Took> {
    let begun = { cpu, atMs: 0 };
    await client.reasserted!(() => (begun = { cpu: process.cpuUsage(), atMs: sharedClockMs() }));
    return { ms: sharedClockMs() - begun.atMs, cpuMs: cpuMsSince(begun.cpu) };
  },

  /** Forgets what was seen up to now. */
  async mark(): Promise<void> {
    lists = [];
    globalThis.gc?.();
    cpu = process.cpuUsage();
  },

  /** The first list since the last mark, as soon as it is told. */
  async nextList(): Promise<ListSeen> {
    return lists[0] ?? new Promise((resolve) => (awaitsList = resolve));
  },

  /** The lists that were told since the last mark, and the CPU that has been used since. */
  async seen(): Promise<{ readonly lists: readonly ListSeen[]; readonly cpuMs: number }> {
    return { cpuMs: cpuMsSince(cpu), lists };
  },

  async close(): Promise<void> {
    await client.close();
  },
};

async function heapGrowth(work: () => Promise<void>): Promise<number> {
  const before = await heapBytes();
  await work();
  return (await heapBytes()) - before;
}

async function heapBytes(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What can be asked of a worker. */
export type WorkerMethods = typeof methods;

export interface Call {
  readonly id: number;
  readonly method: keyof WorkerMethods;
  readonly args: readonly unknown[];
}

export type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

process.on('message', ({ id, method, args }: Call) => {
  const work = methods[method].bind(methods) as (...given: readonly unknown[]) => Promise<unknown>;
  work(...args).then(
    (value) => process.send!({ id, value } satisfies Answer),
    (error: unknown) =>
      process.send!({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
// Whoever started us is gone.
process.on('disconnect', () => process.exit());

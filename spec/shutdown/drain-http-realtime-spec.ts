import { delay, firstValueFrom, interval, map, mergeMap, type Observable, shareReplay, withLatestFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { createRegistry } from '../../lib/createRegistry.js';
import type { InstanceSet } from '../../lib/instances/index.js';
import type { Provision, Registry } from '../../lib/registry.js';
import { drained, type DrainReport } from '../../lib/shutdown/index.js';
import { eventually } from '../support/servers/eventually.js';
import { type HttpProvider, startHttpProvider } from './httpProvider.js';

const SERVICE = 'com.acme.Http';
/** How long it takes that a consumer goes by a change: longer than the registry takes to acknowledge it. */
const HEARSAY_MS = 100;

interface Running {
  readonly server: HttpProvider;
  readonly provision: Provision;
}

async function start(registry: Registry, answerMs: number, port = 0): Promise<Running> {
  const server = await startHttpProvider(port, () => answerMs);
  return { server, provision: await registry.provide(`http://127.0.0.1:${server.port}/${SERVICE}`) };
}

/** Calls one after another of those who are there, whatever they answer, and counts. */
function load(instances: Observable<InstanceSet>) {
  const count = { sent: 0, answered: 0, failed: [] as unknown[] };
  const sending = interval(4)
    .pipe(
      withLatestFrom(instances.pipe(map((set) => set.toArray()))),
      mergeMap(async ([turn, targets]) => {
        count.sent += 1;
        try {
          const response = await fetch(`http://${targets[turn % targets.length]!.address}/`);
          if ((await response.text()) === 'ok') count.answered += 1;
        } catch (error) {
          count.failed.push(error);
        }
      }),
    )
    .subscribe();
  const stop = async (): Promise<void> => {
    sending.unsubscribe();
    await eventually(() => expect(count.answered + count.failed.length).toBe(count.sent), { what: 'all answers' });
  };
  return { count, stop };
}

describe('drain, of real HTTP servers', () => {
  const world = () => {
    const server = new MemoryServer({ latencyMs: 10 });
    return { registry: () => createRegistry(memory({ server })) };
  };
  const take = ({ server, provision }: Running, deadlineMs = 10_000): Promise<DrainReport> =>
    drained({
      provisions: provision,
      inFlight: server.inFlight,
      close: (context) => server.close(context),
      propagationMs: 2 * HEARSAY_MS,
      releaseMs: 400,
      closeMs: 100,
      deadlineMs,
    });

  it('restarts three, one after another, under load, and loses no call', async () => {
    const { registry } = world();
    await using consumer = registry();
    await using providers = registry();
    const running = [];
    for (let index = 0; index < 3; index += 1) running.push(await start(providers, 10));
    const instances = consumer
      .instances({ interface: SERVICE })
      .pipe(delay(HEARSAY_MS), shareReplay({ bufferSize: 1, refCount: true }));
    const { count, stop } = load(instances);
    const sees = (size: number) =>
      eventually(async () => expect(await firstValueFrom(instances)).toHaveProperty('size', size));
    await sees(3);
    for (const [index, one] of running.entries()) {
      const before = count.answered;
      const report = await take(one);
      expect(report.cutOff).toEqual([]);
      running[index] = await start(providers, 10, one.server.port);
      await sees(3);
      await eventually(() => expect(count.answered).toBeGreaterThan(before + 40), { what: 'more answers' });
    }
    await stop();
    for (const { server } of running) await server[Symbol.asyncDispose]();
    expect(count.failed).toEqual([]);
    expect(count.answered).toBe(count.sent);
    expect(count.sent).toBeGreaterThan(120);
  });

  it('says which calls it cut off at the deadline, and those fail', async () => {
    const { registry } = world();
    await using providers = registry();
    const running = await start(providers, 60_000);
    const hanging = Promise.allSettled([1, 2].map(() => fetch(`http://127.0.0.1:${running.server.port}/`)));
    await eventually(async () => expect(await firstValueFrom(running.server.inFlight)).toBe(2));
    const report = await take(running, 1_000);
    expect(report).toEqual({
      isComplete: false,
      cutOff: [{ step: 'finish', inFlight: 2, cause: expect.objectContaining({ code: 'TIMEOUT' }) as Error }],
      elapsedMs: expect.any(Number) as number,
    });
    expect(report.elapsedMs).toBeGreaterThanOrEqual(890);
    expect((await hanging).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

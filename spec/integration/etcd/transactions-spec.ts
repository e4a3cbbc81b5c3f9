import { catchError, firstValueFrom, forkJoin, map, type Observable, of } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { etcd, type EtcdOptions } from '../../../lib/backends/etcd/index.js';
import { createRegistry, RegistryError } from '../../../lib/index.js';
import type { Session } from '../../../lib/port/index.js';
import { ask, bytes } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import { RegistrationRecord } from '../../support/scenario/registrationRecord.js';
import { type EtcdServer, startEtcd } from '../../support/servers/etcdServer.js';
import { eventually } from '../../support/servers/eventually.js';
import type { RawEtcd } from '../../support/servers/rawEtcd.js';
import { type GrpcRelay, startGrpcRelay } from './support/grpcRelay.js';
import { numbers } from './support/inSlices.js';

let server: EtcdServer;
let raw: RawEtcd;
let relay: GrpcRelay;
const troupe = new Troupe<EtcdOptions>(etcd);
beforeAll(async () => {
  server = await startEtcd();
  raw = server.raw;
  relay = await startGrpcRelay(server);
});
afterEach(() => troupe.clear());
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await server.close();
});

async function join(): Promise<Session> {
  return troupe.follow(relay.address).session();
}

/** Does all at once; what each became, or the code of its error. */
function atOnce<T>(operations: readonly Observable<T>[]): Promise<(T | string)[]> {
  const codeOf = (error: unknown): string => (error instanceof RegistryError ? error.code : String(error));
  return firstValueFrom(
    forkJoin(operations.map((operation) => operation.pipe(catchError((error: unknown) => of(codeOf(error)))))),
  );
}

function failuresIn(outcomes: readonly unknown[]): Record<number, string> {
  return Object.fromEntries(outcomes.flatMap((each, index) => (typeof each === 'string' ? [[index, each]] : [])));
}

function transactions(): number {
  return relay.calls.filter(({ method }) => method === 'Txn').length;
}

describe('nodes that are made at once', () => {
  it('isolation: of which some cannot be made, each for a reason of its own, are all made but those', async () => {
    const session = await join();
    await raw.put('/mixed');
    await raw.put('/mixed/17', 'somebody’s');
    await ask(session.create('/mixed/leaf', { ephemeral: true }));
    await ask(session.create('/mixed/300', { ephemeral: true }));
    const before = transactions();
    const outcomes = await atOnce(
      numbers(400).map((index) => {
        if (index === 42) return session.create('/mixed/leaf/below', { ephemeral: true });
        if (index === 99) return session.create('/mixed/99', { ephemeral: true, data: new Uint8Array(1_600_000) });
        if (index === 250) return session.create('/mixed//250', { ephemeral: true });
        return session.create(`/mixed/${index}`, { ephemeral: true, data: bytes(`${index}`) });
      }),
    );
    expect(failuresIn(outcomes)).toEqual({
      17: 'NODE_EXISTS',
      42: 'CONFLICT',
      99: 'TOO_LARGE',
      250: 'INVALID_PATH',
      300: 'NODE_EXISTS',
    });
    const keys = await raw.range('/mixed/');
    expect(keys).toHaveLength(400 - 3 + 1);
    expect(keys.find(({ key }) => key === '/mixed/17')?.value.toString()).toBe('somebody’s');
    // In halves, not one by one.
    expect(transactions() - before).toBeLessThan(60);
  });

  it('in as many directories, none of which is there, are made, and no transaction is larger than the server takes', async () => {
    const session = await join();
    const paths = numbers(300).map((index) => `/spread/${index % 7}/${index}/providers/node`);
    const before = transactions();
    expect(failuresIn(await atOnce(paths.map((path) => session.create(path, { ephemeral: true }))))).toEqual({});
    const keys = (await raw.range('/spread')).map(({ key }) => key);
    expect(keys.filter((key) => key.endsWith('/node'))).toHaveLength(300);
    expect(keys).toHaveLength(1 + 7 + 3 * 300);
    expect(transactions() - before).toBeLessThan(150);
    // Again, in directories that are there: three conditions for each.
    expect(failuresIn(await atOnce(paths.map((path) => session.create(`${path}2`))))).toEqual({});
  });

  it('single registration: two of one name are one node and one refusal', async () => {
    const session = await join();
    const outcomes = await atOnce(
      numbers(100).map((index) => session.create(`/twice/${index % 50}`, { ephemeral: true })),
    );
    expect(failuresIn(outcomes)).toEqual(Object.fromEntries(numbers(50).map((index) => [index + 50, 'NODE_EXISTS'])));
    // Of two sessions as well.
    const both = await atOnce([session, await join()].map((each) => each.create('/twice/both', { ephemeral: true })));
    expect(Object.values(failuresIn(both))).toEqual(['NODE_EXISTS']);
  });

  it('below the root have no directory', async () => {
    const session = await join();
    const outcomes = await atOnce(
      numbers(130).map((index) => session.create(`/at-root-${index}`, { ephemeral: true })),
    );
    expect(failuresIn(outcomes)).toEqual({});
    expect(await raw.range('/at-root-')).toHaveLength(130);
  });

  it('bounded load: services of one provider that are announced at once take few transactions', async () => {
    const registry = createRegistry(`etcd://${relay.address}`);
    await firstValueFrom(registry.instances({ interface: 'bulk.S0' }));
    const before = transactions();
    const registrations = numbers(200).map((index) => new RegistrationRecord(registry, `dubbo://a:1/bulk.S${index}`));
    await Promise.all(registrations.map((each) => each.registered()));
    expect((await raw.range('/dubbo/')).filter(({ lease }) => lease)).toHaveLength(200);
    expect(transactions() - before).toBeLessThan(100);
    for (const each of registrations) each.unsubscribe();
    await eventually(async () => expect((await raw.range('/dubbo/')).filter(({ lease }) => lease)).toEqual([]));
    await registry.close();
  });
});

describe('nodes that are removed at once', () => {
  it('isolation: are all gone but those that are not what they were', async () => {
    const session = await join();
    const paths = numbers(250).map((index) => `/removed/${index}`);
    await atOnce(paths.map((path) => session.create(path, { ephemeral: true })));
    const stranger = await raw.grant(60);
    await raw.delete(paths[3]!);
    await raw.overwrite(paths[70]!, 'written to, and still ours');
    await raw.put(paths[140]!, 'another’s', { lease: stranger.id });
    await raw.put(paths[249]!, 'nobody’s');
    const before = transactions();
    const outcomes = await atOnce(paths.map((path) => session.remove(path, { owner: session.id }).pipe(map(Boolean))));
    expect(failuresIn(outcomes)).toEqual({ 140: 'CONFLICT', 249: 'CONFLICT' });
    expect(outcomes.flatMap((each, index) => (each === false ? [index] : []))).toEqual([3]);
    expect((await raw.range('/removed/')).map(({ key }) => key)).toEqual([paths[140], paths[249]]);
    expect(transactions() - before).toBeLessThan(60);
    await raw.revoke(stranger.id);
  });
});

describe('nodes that are read at once', () => {
  it('are read together, also when their contents are larger than one message may be by default', async () => {
    const session = await join();
    const data = new Uint8Array(100_000).fill(7);
    const paths = numbers(80).map((index) => `/read/${index}`);
    expect(failuresIn(await atOnce(paths.map((path) => session.create(path, { data }))))).toEqual({});
    const before = transactions();
    const nodes = await firstValueFrom(forkJoin([...paths, '/read/absent'].map((path) => session.read(path))));
    expect(nodes.slice(0, -1).every((node) => node?.data.length === data.length)).toBe(true);
    expect(nodes.at(-1)).toBeUndefined();
    expect(transactions() - before).toBe(1);
  });
});

import type { LookupAddress } from 'node:dns';
import type { Observable } from 'rxjs';
import { firstValueFrom, NEVER, of, Subject, throwError } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  AddressesInTurn,
  type NamedServer,
  type Resolve,
  type Turn,
} from '../../../lib/backends/zookeeper/addressesInTurn.js';

const named = (host: string, port = 2181): NamedServer => ({ host, port });
const found = (...addresses: string[]): LookupAddress[] =>
  addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

/** Names, and what they are resolved to at the time. */
class Names {
  readonly asked: string[] = [];
  readonly known: Record<string, Observable<LookupAddress[]>>;
  readonly resolve: Resolve = (host) => {
    this.asked.push(host);
    return this.known[host] ?? throwError(() => new Error(`ENOTFOUND ${host}`));
  };

  constructor(known: Record<string, Observable<LookupAddress[]>>) {
    this.known = known;
  }
}

const next = (addresses: AddressesInTurn): Promise<Turn> => firstValueFrom(addresses.next());

async function firstOf(addresses: AddressesInTurn, count: number): Promise<string[]> {
  const seen: string[] = [];
  for (let turn = 0; turn < count; turn += 1) seen.push((await next(addresses)).addresses[0]!);
  return seen;
}

describe('AddressesInTurn', () => {
  afterEach(() => vi.useRealTimers());

  it('takes turns over addresses, each as often as another, from a server that is drawn', async () => {
    const firsts = new Set<string>();
    for (let client = 0; client < 50; client += 1) {
      const seen = await firstOf(new AddressesInTurn([named('10.0.0.1'), named('10.0.0.2'), named('::1', 7)]), 9);
      expect(new Set(seen.slice(0, 3))).toEqual(new Set(['10.0.0.1:2181', '10.0.0.2:2181', '[::1]:7']));
      expect(seen.slice(3)).toEqual([...seen.slice(0, 3), ...seen.slice(0, 3)]);
      firsts.add(seen[0]!);
    }
    expect(firsts.size).toBe(3);
  });

  it('takes turns over all addresses of one name, and of several', async () => {
    const { resolve } = new Names({ zk: of(found('10.0.0.1', '10.0.0.2')), other: of(found('10.0.0.3', 'fe80::1')) });
    const seen = await firstOf(new AddressesInTurn([named('zk'), named('other')], resolve), 8);
    expect(new Set(seen.slice(0, 4)).size).toBe(4);
    expect(seen.slice(4)).toEqual(seen.slice(0, 4));
  });

  it('hands over the other addresses of the name behind the one whose turn it is', async () => {
    const { resolve } = new Names({ zk: of(found('10.0.0.1', '10.0.0.2')) });
    const addresses = new AddressesInTurn([named('zk'), named('10.0.0.9')], resolve, () => 0);
    const { host, port, addresses: one, all, lookup } = await next(addresses);
    expect([host, port, one]).toEqual(['zk', 2181, ['10.0.0.1:2181', '10.0.0.2:2181']]);
    expect(all).toEqual(['10.0.0.1:2181', '10.0.0.2:2181', '10.0.0.9:2181']);
    const given: unknown[] = [];
    lookup('zk', { all: true }, (error, address) => given.push(error, address));
    lookup('zk', {}, (error, address, family) => given.push(error, address, family));
    expect(given).toEqual([null, found('10.0.0.1', '10.0.0.2'), null, '10.0.0.1', 4]);
    expect((await next(addresses)).addresses).toEqual(['10.0.0.2:2181', '10.0.0.1:2181']);
  });

  it('resolves names anew each time: a new address is tried first, one that is gone is not tried', async () => {
    const names = new Names({ zk: of(found('10.0.0.1', '10.0.0.2')) });
    const addresses = new AddressesInTurn([named('zk')], names.resolve);
    await firstOf(addresses, 3);
    names.known.zk = of(found('10.0.0.2', '10.0.0.3'));
    expect(await firstOf(addresses, 2)).toEqual(['10.0.0.3:2181', '10.0.0.2:2181']);
    expect(names.asked).toHaveLength(5);
  });

  it('leaves out a name that cannot be resolved any more while others can', async () => {
    const names = new Names({ zk: of(found('10.0.0.1')), other: of(found('10.0.0.2')) });
    const addresses = new AddressesInTurn([named('zk'), named('other')], names.resolve);
    await firstOf(addresses, 2);
    delete names.known.zk;
    expect(await firstOf(addresses, 2)).toEqual(['10.0.0.2:2181', '10.0.0.2:2181']);
    names.known.zk = of(found('10.0.0.1'));
    expect(await firstOf(addresses, 1)).toEqual(['10.0.0.1:2181']);
  });

  it('goes on with what it knew while no name can be resolved', async () => {
    const names = new Names({ zk: of(found('10.0.0.1', '10.0.0.2')) });
    const addresses = new AddressesInTurn([named('zk')], names.resolve);
    await firstOf(addresses, 1);
    delete names.known.zk;
    expect(new Set(await firstOf(addresses, 2))).toEqual(new Set(['10.0.0.1:2181', '10.0.0.2:2181']));
  });

  it('says which names cannot be resolved and why, and finds one that can be later', async () => {
    const names = new Names({ silent: of([]) });
    const addresses = new AddressesInTurn([named('zk'), named('silent')], names.resolve);
    await expect(next(addresses)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: 'No server can be found by its name: zk (ENOTFOUND zk), silent (no address).',
    });
    names.known.zk = of(found('10.0.0.1'));
    expect(await firstOf(addresses, 1)).toEqual(['10.0.0.1:2181']);
  });

  it('does not wait long for a name that takes long while it knows another address, and asks for it once at a time', async () => {
    vi.useFakeTimers();
    const names = new Names({ slow: NEVER });
    const addresses = new AddressesInTurn([named('slow'), named('10.0.0.1')], names.resolve);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const turn = next(addresses);
      await vi.advanceTimersByTimeAsync(500);
      expect((await turn).addresses).toEqual(['10.0.0.1:2181']);
    }
    expect(names.asked).toEqual(['slow']);
  });

  it('waits for the first name that is resolved while it knows no address', async () => {
    vi.useFakeTimers();
    const slow = new Subject<LookupAddress[]>();
    const names = new Names({ never: NEVER, slow });
    const addresses = new AddressesInTurn([named('never'), named('slow')], names.resolve);
    const turn = next(addresses);
    await vi.advanceTimersByTimeAsync(60_000);
    slow.next(found('10.0.0.1'));
    slow.complete();
    expect((await turn).addresses).toEqual(['10.0.0.1:2181']);
  });

  it('keeps what a name is resolved to after the attempt was given up', async () => {
    const slow = new Subject<LookupAddress[]>();
    const names = new Names({ slow });
    const addresses = new AddressesInTurn([named('slow')], names.resolve);
    addresses.next().subscribe().unsubscribe();
    const later = next(addresses);
    slow.next(found('10.0.0.1'));
    slow.complete();
    expect((await later).addresses).toEqual(['10.0.0.1:2181']);
    expect(names.asked).toHaveLength(1);
  });
});

import { firstValueFrom, of, Subject, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { EtcdClient } from '../../../lib/backends/etcd/client.js';
import { type KeptLease, Leases } from '../../../lib/backends/etcd/leases.js';

function fakeClient() {
  let granted = 1;
  const grants: Subject<{ id: string; seconds: number }>[] = [];
  const revoked: string[] = [];
  const client = {
    grant: (): Observable<{ id: string; seconds: number }> => {
      const grant = new Subject<{ id: string; seconds: number }>();
      grants.push(grant);
      return grant;
    },
    revoke: (id: string) => {
      revoked.push(id);
      return of(undefined);
    },
  } as unknown as EtcdClient;
  const answer = (): void => {
    const grant = grants.shift()!;
    grant.next({ id: String((granted += 1)), seconds: 10 });
    grant.complete();
  };
  return { client, grants, answer, revoked };
}

describe('Leases', () => {
  it('fill one after another, and ask for one at a time', () => {
    const { client, grants, answer } = fakeClient();
    const leases = new Leases('1', 10, 100);
    const taken: string[] = [];
    for (let batch = 0; batch < 5; batch += 1) leases.take(client, 60).subscribe((id) => taken.push(id));
    expect(taken).toEqual(['1']);
    expect(grants).toHaveLength(1);
    answer();
    expect(taken).toEqual(['1', '2']);
    while (grants.length > 0) answer();
    expect(taken).toEqual(['1', '2', '3', '4', '5']);
    expect(leases.ids).toEqual(['1', '2', '3', '4', '5']);
  });

  it('fill again where room was given back, and ask again after a grant that failed', async () => {
    const { client, grants, answer } = fakeClient();
    const leases = new Leases('1', 10, 100);
    expect(await firstValueFrom(leases.take(client, 100))).toBe('1');
    leases.giveBack('1', 30);
    expect(await firstValueFrom(leases.take(client, 30))).toBe('1');
    let failure: unknown;
    leases.take(client, 1).subscribe({ error: (error: unknown) => (failure = error) });
    grants.shift()!.error(new Error('no'));
    expect(failure).toBeInstanceOf(Error);
    const next = firstValueFrom(leases.take(client, 1));
    answer();
    expect(await next).toBe('2');
  });

  it('are kept once the server has said so of each', () => {
    const leases = leasesOf('1', '2');
    const { answers, written, duplex } = keepAlive();
    const told: unknown[] = [];
    leases.keep(duplex).subscribe({ next: (value) => told.push(value), complete: () => told.push('done') });
    expect(written).toEqual(['1', '2']);
    answers.next({ id: '2', seconds: 10 });
    expect(told).toEqual([]);
    answers.next({ id: '1', seconds: 10 });
    expect(told).toHaveLength(2);
    expect(answers.observed).toBe(false);
  });

  it('are over together as soon as one is', () => {
    const leases = leasesOf('1', '2');
    const { answers, duplex } = keepAlive();
    let failure: unknown;
    leases.keep(duplex).subscribe({ error: (error: unknown) => (failure = error) });
    answers.next({ id: '7', seconds: 0 });
    expect(failure).toBeUndefined();
    answers.next({ id: '1', seconds: 0 });
    expect(failure).toMatchObject({ code: 'SESSION_EXPIRED' });
  });

  it('are revoked, each of them', async () => {
    const { client, revoked } = fakeClient();
    await firstValueFrom(leasesOf('1', '2').revoke(client));
    expect(revoked).toEqual(['1', '2']);
  });
});

function leasesOf(first: string, second: string): Leases {
  const leases = new Leases(first, 10, 1);
  const client = { grant: () => of({ id: second, seconds: 10 }) } as unknown as EtcdClient;
  leases.take(client, 1).subscribe();
  leases.take(client, 1).subscribe();
  return leases;
}

function keepAlive() {
  const answers = new Subject<KeptLease>();
  const written: string[] = [];
  return { answers, written, duplex: { answers, write: (id: string) => void written.push(id) } };
}

import { firstValueFrom, of, Subject } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import type { EtcdClient, LeaseRequest } from '../../../lib/backends/etcd/client.js';
import { type KeptLease, Leases } from '../../../lib/backends/etcd/leases.js';
import { RegistryError } from '../../../lib/errors.js';

/** Ids in order. */
function ids(): () => string {
  let last = 0;
  return () => String((last += 1));
}

interface Grant extends LeaseRequest {
  readonly answer: Subject<{ id: string; seconds: number }>;
}

function fakeClient() {
  const grants: Grant[] = [];
  const asked: string[] = [];
  const revoked: string[] = [];
  const client = {
    grant: (request: LeaseRequest) => {
      const answer = new Subject<{ id: string; seconds: number }>();
      grants.push({ ...request, answer });
      asked.push(request.id);
      return answer;
    },
    revoke: (id: string) => {
      revoked.push(id);
      return of(undefined);
    },
  } as unknown as EtcdClient;
  const answer = (seconds = 10): void => {
    const { id, answer: granted } = grants.shift()!;
    granted.next({ id, seconds });
    granted.complete();
  };
  return { client, grants, asked, answer, revoked };
}

describe('Leases', () => {
  it('are none before there is something to hold, and nothing has to be kept or revoked then', async () => {
    const { client, asked, revoked } = fakeClient();
    const leases = new Leases(10, 100, ids());
    const { written, duplex } = keepAlive();
    await firstValueFrom(leases.keep(duplex));
    leases.revoke(client).subscribe();
    expect([leases.ids, written, asked, revoked]).toEqual([[], [], [], []]);
    expect(leases.timeoutMs).toBe(10_000);
    expect(leases.has(leases.id)).toBe(false);
  });

  it('fill one after another, and ask for one at a time', () => {
    const { client, grants, answer } = fakeClient();
    const leases = new Leases(10, 100, ids());
    const taken: string[] = [];
    for (let batch = 0; batch < 5; batch += 1) leases.take(client, 60).subscribe((id) => taken.push(id));
    expect(taken).toEqual([]);
    expect(grants).toHaveLength(1);
    answer();
    expect(taken).toEqual(['1']);
    while (grants.length > 0) answer();
    expect(taken).toEqual(['1', '2', '3', '4', '5']);
    expect(leases.ids).toEqual(['1', '2', '3', '4', '5']);
  });

  it('are asked for once by those who ask beforehand and those who need one', () => {
    const { client, grants, answer } = fakeClient();
    const leases = new Leases(10, 100, ids());
    const told: unknown[] = [];
    leases.prepare(client).subscribe({ complete: () => told.push('prepared') });
    leases.take(client, 1).subscribe((id) => told.push(id));
    expect(grants).toMatchObject([{ id: '1', seconds: 10, isEarly: true }]);
    answer(12);
    expect(told).toEqual(['prepared', '1']);
    expect(leases.timeoutMs).toBe(12_000);
  });

  it('fill again where room was given back, and ask for the same again after an answer that was lost', async () => {
    const { client, grants, asked, answer } = fakeClient();
    const leases = new Leases(10, 100, ids());
    const first = firstValueFrom(leases.take(client, 100));
    answer();
    expect(await first).toBe('1');
    leases.giveBack('1', 30);
    expect(await firstValueFrom(leases.take(client, 30))).toBe('1');

    const lost = new Leases(10, 100, ids());
    let failure: unknown;
    lost.take(client, 1).subscribe({ error: (error: unknown) => (failure = error) });
    grants.shift()!.answer.error(new RegistryError('CONNECTION_LOST', 'no'));
    expect(failure).toBeInstanceOf(Error);
    const next = firstValueFrom(lost.take(client, 1));
    answer();
    expect(await next).toBe('1');
    expect(asked).toEqual(['1', '1', '1']);
  });

  it('bounded load: that one is refused is not asked again at once, and is after a while', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { client, grants, asked, answer } = fakeClient();
      const leases = new Leases(12, 100, ids());
      const told: unknown[] = [];
      const take = (): void =>
        void leases
          .take(client, 1)
          .subscribe({ next: (id) => told.push(id), error: (error: unknown) => told.push(error) });
      take();
      const refusal = new RegistryError('SERVER_ERROR', 'no space');
      grants.shift()!.answer.error(refusal);
      for (let times = 0; times < 100; times += 1) take();
      expect(told).toEqual(Array(101).fill(refusal));
      expect(asked).toHaveLength(1);
      vi.advanceTimersByTime(1_000);
      take();
      answer();
      expect(told.at(-1)).toBe('1');
    } finally {
      vi.useRealTimers();
    }
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
  const left = [first, second];
  const leases = new Leases(10, 1, () => left.shift()!);
  const client = { grant: ({ id }: LeaseRequest) => of({ id, seconds: 10 }) } as unknown as EtcdClient;
  leases.take(client, 1).subscribe();
  leases.take(client, 1).subscribe();
  return leases;
}

function keepAlive() {
  const answers = new Subject<KeptLease>();
  const written: string[] = [];
  return { answers, written, duplex: { answers, write: (id: string) => void written.push(id) } };
}

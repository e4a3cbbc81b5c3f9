import { describe, expect, it } from 'vitest';
import type { RealServer } from './realServer.js';
import { clusterOf, type Leadership } from './serverCluster.js';

/** Servers that are only asked who they are. */
const [one, other, last] = ['one', 'other', 'last'].map((address) => ({ address }) as RealServer);
const servers = [one!, other!, last!];

function clusterWhere(
  roles: Map<RealServer, 'leader' | 'follower'>,
  needMajority: Leadership<RealServer>['needMajority'],
) {
  return clusterOf(servers, { roleOf: async (server) => roles.get(server), needMajority });
}

describe('the leader of a cluster', () => {
  it('is not the one that stood still while another was elected, and still says that it leads', async () => {
    const roles = new Map([
      [one!, 'leader' as const],
      [other!, 'leader' as const],
      [last!, 'follower' as const],
    ]);
    const hangsUp = clusterWhere(roles, async (server) => {
      if (server === one) throw new Error('no majority');
    });
    expect(await hangsUp.leader()).toBe(other);
    expect(await hangsUp.followers()).toEqual([last]);
    const findsOut = clusterWhere(roles, async (server) => {
      if (server === one) roles.set(one, 'follower');
    });
    expect(await findsOut.leader()).toBe(other);
    expect(await findsOut.followers()).toEqual([one, last]);
  });

  it('is waited for while the only one that says so has no majority', async () => {
    const roles = new Map([[one!, 'leader' as const]]);
    let asked = 0;
    const cluster = clusterWhere(roles, async (server) => {
      asked += 1;
      if (asked === 2) roles.set(last!, 'leader').delete(one!);
      if (server === one) throw new Error('no majority');
    });
    expect(await cluster.leader()).toBe(last);
    expect(asked).toBe(3);
  });
});

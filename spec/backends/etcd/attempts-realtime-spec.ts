import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { etcd } from '../../../lib/backends/etcd/index.js';
import { eventually } from '../../support/servers/eventually.js';

describe('attempts to connect to etcd', () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.resetAndDestroy();
  });
  beforeEach(async () => {
    connections = 0;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => void server.close());

  it('bounded herd: are one connection each, also where it is refused, and none comes later', async () => {
    const { port } = server.address() as AddressInfo;
    const backend = etcd(`127.0.0.1:${port}`, { reconnect: { baseMs: 300, maxMs: 300 } });
    let attempts = 0;
    backend.states.subscribe(({ status }) => {
      if (status === 'connecting') attempts += 1;
    });
    await eventually(() => attempts >= 20, { withinMs: 15_000 });
    await backend.close();
    // Longer than a channel waits until it tries once more by itself.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(connections).toBeLessThanOrEqual(attempts);
    expect(connections).toBeGreaterThan(0.8 * attempts);
  });
});

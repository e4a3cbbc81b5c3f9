import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { registryFetch, type RegistryFetchOptions } from '../../lib/http/index.js';
import { createRegistry, type Registry } from '../../lib/index.js';
import { roundRobin } from '../../lib/operators/index.js';
import { eventually } from '../support/servers/eventually.js';

const CATALOG = 'com.acme.Catalog';
/** In the order in which the providers came. */
const IN_TURN = { query: { interface: CATALOG }, balancer: roundRobin({ random: () => 0 }) };

let registry: Registry;
const servers: Server[] = [];
beforeEach(() => void (registry = createRegistry('memory://')));
afterEach(async () => {
  await registry.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

type Serve = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A provider of the catalog; counts what it was asked for. */
async function provider(serve: Serve, service = CATALOG) {
  const seen: { method: string | undefined; url: string | undefined; body: string; type: string | undefined }[] = [];
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => {
        seen.push({ method: request.method, url: request.url, body, type: request.headers['content-type'] });
        return serve(request, response);
      })
      .catch(() => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  await registry.provide(`http://127.0.0.1:${port}/${service}`);
  return { seen, server, port };
}

/** A provider whose process has gone without saying so. */
async function goneProvider() {
  const provided = await provider((_, response) => response.end());
  servers.splice(servers.indexOf(provided.server), 1);
  await new Promise((resolve) => provided.server.close(resolve));
}

const says =
  (word: string, status = 200): Serve =>
  (_, response) =>
    response.writeHead(status).end(word);
const hangsUp: Serve = (request) => request.socket.destroy();

async function fetchOf(options: Partial<RegistryFetchOptions> = {}) {
  await registry.lookup({ interface: CATALOG });
  return registryFetch(registry, { services: [IN_TURN], ...options });
}

describe('registryFetch', () => {
  it('calls a service by its name, whatever its capitals, and leaves other hosts to fetch', async () => {
    const { seen, port } = await provider(says('items'));
    const fetch = await fetchOf();
    for (const input of [
      `http://${CATALOG}/items?a=B#c`,
      new URL(`http://${CATALOG}/items?a=B`),
      new Request(`http://${CATALOG}/items?a=B`),
      'HTTP://com.acme.catalog/items?a=B',
    ]) {
      expect(await (await fetch(input)).text()).toBe('items');
    }
    expect(await (await fetch(`http://${CATALOG}`)).text()).toBe('items');
    expect(await (await fetch(`http://${CATALOG}?x`)).text()).toBe('items');
    expect(seen.map(({ url }) => url)).toEqual([...Array<string>(4).fill('/items?a=B'), '/', '/?x']);
    expect(await (await fetch(`http://127.0.0.1:${port}/direct`)).text()).toBe('items');
    await expect(fetch('http://com.acme.unknown.invalid/')).rejects.toThrow('fetch failed');
  });

  it('sends method, headers and body as they are, of a request too, also the second time', async () => {
    const [, { seen }] = [await provider(hangsUp), await provider(says('done'))];
    const headers = { 'content-type': 'text/x' };
    const fetch = await fetchOf();
    await fetch(`http://${CATALOG}/a`, { method: 'PUT', body: 'one', headers });
    await provider(hangsUp);
    await fetch(new Request(`http://${CATALOG}/b`, { method: 'PUT', body: 'two', headers }));
    await fetch(new Request(`http://${CATALOG}/c`, { method: 'DELETE', headers }), { method: 'PUT', body: 'three' });
    expect(seen.map(({ method, url, body, type }) => [method, url, body, type])).toEqual([
      ['PUT', '/a', 'one', 'text/x'],
      ['PUT', '/b', 'two', 'text/x'],
      ['PUT', '/c', 'three', 'text/x'],
    ]);
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])(
    'asks another instance for a %s that was not answered',
    async (method) => {
      const [broken, unserved, fine] = [
        await provider(hangsUp),
        await provider(says('no', 503)),
        await provider(says('')),
      ];
      const fetch = await fetchOf();
      expect((await fetch(`http://${CATALOG}/`, { method })).status).toBe(200);
      expect([broken, unserved, fine].map(({ seen }) => seen.length)).toEqual([1, 1, 1]);
    },
  );

  it.each(['POST', 'PATCH'])('sends a %s again only when nothing can have been sent', async (method) => {
    await goneProvider();
    const fine = await provider(says('made'));
    const fetch = await fetchOf();
    for (let call = 0; call < 2; call += 1) {
      expect(await (await fetch(`http://${CATALOG}/`, { method, body: 'x' })).text()).toBe('made');
    }
    expect(fine.seen).toHaveLength(2);
  });

  it.each(['POST', 'PATCH'])('does not send a %s again that may have been carried out', async (method) => {
    const providers = [await provider(hangsUp), await provider(hangsUp), await provider(hangsUp)];
    const fetch = await fetchOf();
    await expect(fetch(`http://${CATALOG}/`, { method, body: 'x' })).rejects.toThrow('fetch failed');
    expect(providers.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(1);
  });

  it('gives the answer that says so, of a method that may not be repeated, and of the last attempt', async () => {
    const providers = [
      await provider(says('one', 503)),
      await provider(says('two', 502)),
      await provider(says('three', 504)),
    ];
    const fetch = await fetchOf({ retries: 2 });
    const posted = await fetch(`http://${CATALOG}/`, { method: 'POST' });
    expect([posted.status, await posted.text()]).toEqual([503, 'one']);
    const got = await fetch(`http://${CATALOG}/`);
    expect(got.status).toBeGreaterThan(501);
    expect((await got.text()).length).toBeGreaterThan(0);
    expect(providers.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(4);
  });

  it('does not retry what was answered with another status, nor with retries: 0, nor a stream', async () => {
    const [failing] = [await provider(says('bug', 500)), await provider(says('bug', 500))];
    const fetch = await fetchOf();
    expect((await fetch(`http://${CATALOG}/`)).status).toBe(500);
    expect(failing.seen).toHaveLength(1);
    failing.server.close();
    failing.server.closeAllConnections();
    await registry.close();

    registry = createRegistry('memory://');
    await provider(hangsUp);
    await provider(says('fine'));
    const once = await fetchOf({ retries: 0 });
    await expect(once(`http://${CATALOG}/`)).rejects.toThrow('fetch failed');
    const streaming = await fetchOf();
    const body = new ReadableStream({ start: (stream) => (stream.enqueue(new Uint8Array(3)), stream.close()) });
    await expect(streaming(`http://${CATALOG}/`, { method: 'PUT', body, duplex: 'half' })).rejects.toThrow(
      'fetch failed',
    );
  });

  it('gives up by the signal, of the request too: before, during, and while the body is read', async () => {
    let asked = 0;
    await provider((request, response) => {
      asked += 1;
      if (request.url === '/begun') response.write('begun');
    });
    const fetch = await fetchOf();
    await expect(fetch(`http://${CATALOG}/`, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    );
    expect(asked).toBe(0);
    for (const make of [
      (signal: AbortSignal) => fetch(`http://${CATALOG}/`, { signal }),
      (signal: AbortSignal) => fetch(new Request(`http://${CATALOG}/`, { signal })),
    ]) {
      const before = asked;
      const controller = new AbortController();
      const answer = make(controller.signal);
      const refused = expect(answer).rejects.toThrow('enough');
      await eventually(() => asked > before);
      controller.abort(new Error('enough'));
      await refused;
      expect(asked).toBe(before + 1);
    }
    const controller = new AbortController();
    const response = await fetch(`http://${CATALOG}/begun`, { signal: controller.signal });
    const read = expect(response.text()).rejects.toThrow('enough');
    controller.abort(new Error('enough'));
    await read;
  });

  it('gives up at the deadline, and when there is nobody, and after the end', async () => {
    const { seen } = await provider(() => undefined);
    const fetch = await fetchOf({ services: [IN_TURN, 'com.acme.Nobody'], deadlineMs: 300 });
    await expect(fetch(`http://${CATALOG}/`)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(seen.length).toBeLessThanOrEqual(1);
    await expect(fetch('http://com.acme.Nobody/')).rejects.toMatchObject({
      code: expect.stringMatching(/NO_INSTANCE|TIMEOUT/) as string,
    });
    fetch.close();
    await expect(fetch(`http://${CATALOG}/`)).rejects.toMatchObject({ code: 'CLOSED' });
    const other = await fetchOf();
    await registry.close();
    await expect(other(`http://${CATALOG}/`)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('tells the outcome of calls to the balancer: whoever answers 503 has failed', async () => {
    await provider(says('no', 503));
    const outcomes: boolean[] = [];
    const picker = registry.picker.bind(registry);
    const spied = {
      picker: vi.fn((...asked: Parameters<typeof picker>) => {
        const made = picker(...asked);
        made.outcomes.subscribe(({ ok }) => outcomes.push(!ok));
        return made;
      }),
    };
    const fetch = registryFetch(spied, { services: [IN_TURN], retries: 0 });
    expect((await fetch(`http://${CATALOG}/`)).status).toBe(503);
    expect(outcomes).toEqual([true]);
  });

  it.each<[Partial<RegistryFetchOptions>, string]>([
    [{ services: 'com.acme.Catalog' as never }, 'services'],
    [{ services: [7 as never] }, 'services'],
    [{ services: ['*'] }, 'services'],
    [{ services: ['a/b'] }, 'services'],
    [{ services: [CATALOG, { interface: CATALOG, version: '2' }] }, 'services'],
    [{ retries: -1 }, 'retries'],
    [{ deadlineMs: -1 }, 'deadlineMs'],
    [{ fetch: 7 as never }, 'fetch'],
  ])('refuses %j at once', (options, option) => {
    expect(() => registryFetch(registry, { services: [], ...options })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', option }) as Error,
    );
  });
});

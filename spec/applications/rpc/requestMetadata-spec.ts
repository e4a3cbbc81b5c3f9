import fc from 'fast-check';
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { asyncScheduler, firstValueFrom, type SchedulerLike, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ApplicationInstance, readInstance } from '../../../lib/applications/formats/instance.js';
import { HessianReader, hessianText, joined } from '../../../lib/applications/rpc/hessian.js';
import { requestMetadata } from '../../../lib/applications/rpc/requestMetadata.js';
import { memory, MemoryServer } from '../../../lib/backends/memory/index.js';
import { createRegistry, UnreadableNodeError } from '../../../lib/index.js';
import { eventually } from '../../support/servers/eventually.js';
import { JAVA_LOCAL, JAVA_METADATA } from '../formats/wire.js';
import { ANSWER, NO_ANSWER, REQUEST, REVISION } from './wire.js';

const bytes = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A metadata service that answers any request with these pieces; `undefined` closes the connection. */
async function dubboService(...pieces: readonly (Uint8Array | undefined)[]) {
  const requests: string[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    let received = new Uint8Array(0);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      received = Uint8Array.from([...received, ...data]);
      if (received.length < bytes(REQUEST).length) return;
      requests.push(Buffer.from(received).toString('base64'));
      for (const piece of pieces) {
        if (piece) socket.write(piece);
        else socket.destroy();
      }
    });
  });
  const port = await listening(server);
  return { port, requests, connections: () => connections };
}

function instanceAt(port: number | undefined, protocol = 'dubbo'): ApplicationInstance {
  const found = readInstance('shop', new TextEncoder().encode(JAVA_LOCAL));
  const metadataService = new Map(found.metadataService).set('protocol', protocol).set('port', String(port));
  return { ...found, host: '127.0.0.1', revision: REVISION, metadataService };
}

const ask = (instance: ApplicationInstance, scheduler: SchedulerLike = asyncScheduler): Promise<unknown> =>
  firstValueFrom(requestMetadata(scheduler)(instance));

describe('the metadata that an instance keeps to itself', () => {
  describe('is asked for by the dubbo protocol', () => {
    it('as Java understands it, and read as Java answers', async () => {
      const { port, requests } = await dubboService(bytes(ANSWER));
      expect(await ask(instanceAt(port))).toMatchObject({
        app: 'shop',
        revision: REVISION,
        services: {
          'peer.Greeter:1.0.0:dubbo': {
            name: 'peer.Greeter',
            port: 23457,
            version: '1.0.0',
            group: null,
            params: { methods: 'who', warmup: '1' },
          },
        },
      });
      expect(requests).toEqual([REQUEST]);
    });

    it('whatever the pieces are in which the answer comes, and with a sign of life before it', async () => {
      const heartbeat = Uint8Array.of(0xda, 0xbb, 0xe2, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0x4e);
      const answer = bytes(ANSWER);
      const pieces = [heartbeat, answer.subarray(0, 5), answer.subarray(5, 17), answer.subarray(17)];
      const { port } = await dubboService(...pieces);
      expect(await ask(instanceAt(port))).toMatchObject({ app: 'shop' });
    });

    it.each<[string, string, readonly (Uint8Array | undefined)[]]>([
      ['a revision that it does not know', 'NO_NODE', [bytes(NO_ANSWER)]],
      ['a status that is none of success', 'SERVER_ERROR', [changed({ 3: 70 })]],
      ['an exception', 'SERVER_ERROR', [changed({ 16: 0x90 })]],
      ['another serialization', 'UNREADABLE_NODE', [changed({ 2: 0x17 })]],
      ['another protocol', 'UNREADABLE_NODE', [new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n\r\n')]],
      ['more than anybody has', 'UNREADABLE_NODE', [changed({ 12: 0x7f })]],
      ['a value that is cut off', 'UNREADABLE_NODE', [changed({ 14: 0, 15: 20 })]],
      ['nothing', 'CONNECTION_LOST', [undefined]],
    ])('and is an error for %s', async (_, code, pieces) => {
      const { port } = await dubboService(...pieces);
      await expect(ask(instanceAt(port))).rejects.toMatchObject({ code });
    });
  });

  describe('is asked for by triple', () => {
    async function tripleService(status: number, answer: string) {
      const requests: { url?: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
      const server = createHttpServer((request, response) => {
        let body = '';
        request.on('data', (piece: Buffer) => (body += piece.toString()));
        request.on('end', () => {
          requests.push({ url: request.url, headers: request.headers, body });
          response.writeHead(status).end(answer);
        });
      });
      return { port: await listening(server), requests };
    }

    it('as JSON over HTTP/1.1', async () => {
      const { port, requests } = await tripleService(200, JAVA_METADATA);
      expect(await ask(instanceAt(port, 'tri'))).toEqual(JSON.parse(JAVA_METADATA));
      expect(requests).toMatchObject([
        {
          url: '/org.apache.dubbo.metadata.MetadataService/getMetadataInfo',
          headers: { 'tri-service-version': '1.0.0', 'tri-service-group': 'shop' },
          body: JSON.stringify([REVISION]),
        },
      ]);
    });

    it.each([
      ['a revision that it does not know', 'NO_NODE', 200, 'null'],
      ['a service that is not there', 'SERVER_ERROR', 404, ''],
    ])('and is an error for %s', async (_, code, status, answer) => {
      const { port } = await tripleService(status, answer);
      await expect(ask(instanceAt(port, 'tri'))).rejects.toMatchObject({ code });
    });
  });

  it('is not waited for without an end', async () => {
    const { port } = await dubboService();
    const scheduler = new VirtualTimeScheduler();
    const answer = ask(instanceAt(port), scheduler);
    scheduler.flush();
    await expect(answer).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it.each([
    ['a port', instanceAt(undefined)],
    ['a protocol that is known', instanceAt(1, 'rest')],
  ])('is not asked for without %s', async (_, instance) => {
    await expect(ask(instance)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it.each([
    [true, 1],
    [false, 0],
  ])('is asked for by a registry where askInstances is %s, which then finds %s', async (askInstances, size) => {
    const { port, connections } = await dubboService(bytes(ANSWER));
    const server = new MemoryServer();
    const registry = createRegistry(memory({ server }), { askInstances });
    onTestFinished(() => registry.close());
    const instance = JAVA_LOCAL.replaceAll('jhost', '127.0.0.1')
      .replaceAll('24387', String(port))
      .replace('e570052d73127c49e0d2d7e8899b5d01', REVISION);
    server.create('/dubbo/mapping/peer.Greeter', new TextEncoder().encode('shop'));
    server.create(`/services/shop/127.0.0.1:${port}`, new TextEncoder().encode(instance));
    const query = { interface: 'peer.Greeter', version: '1.0.0' };
    await eventually(async () => expect((await registry.lookup(query)).size).toBe(size));
    registry.instances(query).subscribe();
    registry.instances({ interface: 'peer.Greeter', version: '*' }).subscribe();
    await eventually(async () => expect((await registry.lookup(query)).size).toBe(size));
    expect(connections()).toBeLessThanOrEqual(askInstances ? 3 : 0);
  });
});

describe('a value of Hessian 2', () => {
  it('of any bytes is read, or refused with an error that says why', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        try {
          new HessianReader(data).read();
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableNodeError);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('that is a text is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 2_000 }),
        (text) => new HessianReader(hessianText(text)).read() === text,
      ),
    );
  });

  it.each([
    ['a level too many', joined(Array.from({ length: 1_000 }, () => Uint8Array.of(0x79)))],
    [
      'a key that would change every object',
      joined([Uint8Array.of(0x48), hessianText('__proto__'), Uint8Array.of(0x4e, 0x5a)]),
    ],
    ['an object of no class', Uint8Array.of(0x60)],
  ])('with %s is refused', (_, data) => {
    expect(() => new HessianReader(data).read()).toThrow(UnreadableNodeError);
  });
});

/** Java's answer with other bytes at some positions. */
function changed(instead: Readonly<Record<number, number>>): Uint8Array {
  const answer = bytes(ANSWER);
  for (const [position, byte] of Object.entries(instead)) answer[Number(position)] = byte;
  return answer;
}

import { Controller, Get, type INestApplication, Inject, Injectable, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AddressInfo, Server } from 'node:net';
import { filter, firstValueFrom, map, Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { createRegistry, type Registry, type RegistryPicker } from '../../lib/index.js';
import {
  InjectPicker,
  InjectRegistry,
  pickerToken,
  REGISTRY,
  RegistryHealth,
  RegistryModule,
  type RegistryModuleOptions,
} from '../../lib/nestjs/index.js';
import { random } from '../../lib/operators/index.js';
import { eventually } from '../support/servers/eventually.js';

const USERS = 'com.acme.Users';
const PROVIDERS = `/dubbo/${USERS}/providers`;
/** No consumer is in another process here, and nobody needs time to learn of a removal. */
const drain = { propagationMs: 0 };

let server: MemoryServer;
const applications: { close(): Promise<void> }[] = [];
beforeEach(() => void (server = new MemoryServer()));
afterEach(async () => {
  await Promise.all(applications.splice(0).map((application) => application.close()));
});

/** A registry on the server of this spec. */
const registry = (): Pick<RegistryModuleOptions, 'registry'> => ({
  registry: memory({ server, sessionTimeoutMs: 10_000, reconnect: { baseMs: 10, maxMs: 50 } }),
});

const QUIET = { logger: false, abortOnError: false } as const;

async function start(module: Type): Promise<INestApplication> {
  const application = await NestFactory.create(module, QUIET);
  applications.push(application);
  return application;
}

const portOf = (application: INestApplication): number =>
  ((application.getHttpServer() as Server).address() as AddressInfo).port;

function usersModule(extra: Partial<RegistryModuleOptions> = {}) {
  @Controller('users')
  class UsersController {
    @Get()
    all(): string[] {
      return ['Ada', 'Grace'];
    }
  }
  @Module({
    imports: [
      RegistryModule.forRoot({
        ...registry(),
        announce: (address) => `http://127.0.0.1:${address?.port}/${USERS}`,
        drain,
        ...extra,
      }),
    ],
    controllers: [UsersController],
  })
  class UsersModule {}
  return UsersModule;
}

describe('RegistryModule', () => {
  it('announces once the application listens, and withdraws while it still serves', async () => {
    const application = await start(usersModule({ drain: { propagationMs: 1_000 } }));
    await application.init();
    expect(server.list(PROVIDERS)).toEqual([]);
    await application.listen(0, '127.0.0.1');
    const port = portOf(application);
    await eventually(() => expect(server.list(PROVIDERS)).toEqual([expect.stringContaining(`127.0.0.1%3A${port}`)]));

    // Whoever learns of the removal later than others still finds somebody who serves.
    const watching = createRegistry(memory({ server }));
    applications.push(watching);
    const servedAtRemoval = firstValueFrom(
      watching.subscribe({ interface: USERS }).pipe(
        filter(({ type }) => type === 'delete'),
        map(() => (application.getHttpServer() as Server).listening),
      ),
    );
    await watching.lookup({ interface: USERS });
    await application.close();
    expect(await servedAtRemoval).toBe(true);
    expect(server.list(PROVIDERS)).toEqual([]);
    await expect(fetch(`http://127.0.0.1:${port}/users`)).rejects.toThrow();
    expect(server.sessions).toHaveLength(1);
  });

  it('lets two applications find each other, by an injected picker that lasts as long as calls do', async () => {
    const gate = new Subject<void>();
    @Injectable()
    class Orders {
      readonly #users: RegistryPicker;
      readonly registry: Registry;
      constructor(@InjectPicker(USERS) users: RegistryPicker, @InjectRegistry() registry: Registry) {
        this.#users = users;
        this.registry = registry;
      }
      names(): Promise<unknown> {
        return this.#users.run(async ({ address }) => (await fetch(`http://${address}/users`)).json());
      }
    }
    @Controller('orders')
    class OrdersController {
      readonly #orders: Orders;
      constructor(@Inject(Orders) orders: Orders) {
        this.#orders = orders;
      }
      @Get()
      orders(): Promise<unknown> {
        return this.#orders.names();
      }
      @Get('slow')
      async slow(): Promise<unknown> {
        await firstValueFrom(gate);
        return this.#orders.names();
      }
    }
    @Module({
      imports: [RegistryModule.forRoot(registry()), RegistryModule.forFeature([USERS])],
      providers: [Orders],
      controllers: [OrdersController],
    })
    class OrdersModule {}

    const users = await start(usersModule());
    await users.listen(0, '127.0.0.1');
    const orders = await start(OrdersModule);
    await orders.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${portOf(orders)}/orders`;
    const headers = { connection: 'close' };
    expect(await (await fetch(url, { headers })).json()).toEqual(['Ada', 'Grace']);

    // A call in flight when the application is told to close.
    const slow = fetch(`${url}/slow`, { headers });
    await eventually(() => gate.observed);
    const closed = orders.close();
    gate.next();
    expect(await (await slow).json()).toEqual(['Ada', 'Grace']);
    await closed;
    const service = orders.get(Orders);
    await expect(service.names()).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(service.registry.lookup({ interface: USERS })).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('announces as soon as the registry can be reached, and through a loss of the session', async () => {
    server.cut();
    const application = await start(usersModule({ options: { timeoutMs: 50 } }));
    await application.listen(0, '127.0.0.1');
    const health = application.get(RegistryHealth);
    await eventually(async () =>
      expect(await health.check()).toEqual({
        registry: { status: 'down', connection: 'connecting', registered: 0, announced: 1 },
      }),
    );
    // Longer than the registry lets one attempt wait.
    const since = performance.now();
    await eventually(() => performance.now() - since > 150);
    server.heal();
    await eventually(() => server.list(PROVIDERS).length === 1);
    await eventually(async () =>
      expect(await health.check('zk')).toEqual({
        zk: { status: 'up', connection: 'connected', registered: 1, announced: 1 },
      }),
    );
    const [session] = server.sessions;
    server.expire(session!);
    await eventually(() => {
      expect(server.sessions).not.toContain(session);
      expect(server.list(PROVIDERS)).toHaveLength(1);
    });
    await application.close();
    expect(server.list(PROVIDERS)).toEqual([]);
    expect(await health.check()).toMatchObject({ registry: { status: 'down', connection: 'closed' } });
  });

  it('gives up what was never registered when it is closed', async () => {
    server.cut();
    const application = await start(usersModule());
    await application.listen(0, '127.0.0.1');
    await application.close();
    server.heal();
    expect(server.list(PROVIDERS)).toEqual([]);
  });

  it('is down, and says why, where a service is refused for good; the others are announced', async () => {
    const lines: unknown[] = [];
    const logger = { log: vi.fn(), warn: vi.fn(), error: (line: unknown) => lines.push(line) };
    const module = usersModule({
      announce: (address) => [`http://127.0.0.1:${address!.port}/${USERS}`, `http://127.0.0.1:1/${USERS}?v=50%`],
    });
    const application = await NestFactory.create(module, { logger, abortOnError: false });
    applications.push(application);
    await application.listen(0, '127.0.0.1');
    await eventually(async () =>
      expect(await application.get(RegistryHealth).check()).toMatchObject({
        registry: { status: 'down', registered: 1, announced: 2 },
      }),
    );
    expect(lines.join()).toMatch(/Not announced: InvalidUrlError/);
  });

  it('takes its options from a factory', async () => {
    const CONFIG = 'config';
    @Module({ providers: [{ provide: CONFIG, useValue: { service: USERS } }], exports: [CONFIG] })
    class ConfigModule {}
    @Module({
      imports: [
        RegistryModule.forRootAsync({
          imports: [ConfigModule],
          inject: [CONFIG],
          useFactory: async ({ service }: { service: string }) => ({
            ...registry(),
            announce: () => `http://127.0.0.1:8080/${service}`,
            announceAt: 'bootstrap',
            drain,
          }),
        }),
      ],
    })
    class WorkerModule {}
    const worker = await NestFactory.createApplicationContext(WorkerModule, QUIET);
    applications.push(worker);
    await eventually(() => server.list(PROVIDERS).length === 1);
    await worker.close();
    expect(server.list(PROVIDERS)).toEqual([]);
  });

  it('refuses to wait for a server that will never listen', async () => {
    await expect(NestFactory.createApplicationContext(usersModule(), QUIET)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      option: 'announceAt',
    });
  });

  it.each([
    [{ registry: 'consul://h' }, 'INVALID_URL'],
    [{ registry: 7 as never }, 'INVALID_OPTION'],
    [{ announceAt: 'soon' as never }, 'INVALID_OPTION'],
  ])('refuses %j when the application starts', async (options, code) => {
    const application = NestFactory.create(usersModule(options), QUIET);
    await expect(application.then((made) => made.init())).rejects.toMatchObject({ code });
  });

  it('closes a registry that it is given, and takes options for pickers', async () => {
    const given = createRegistry(memory({ server }));
    @Module({
      imports: [
        RegistryModule.forRoot({ registry: given }),
        RegistryModule.forFeature([{ query: { interface: USERS, version: '*' }, options: { balancer: random() } }]),
      ],
    })
    class AppModule {}
    const application = await NestFactory.createApplicationContext(AppModule, QUIET);
    expect(application.get<Registry>(REGISTRY)).toBe(given);
    expect(application.get<RegistryPicker>(pickerToken({ version: '*', interface: USERS }))).toBeDefined();
    await application.close();
    await expect(given.lookup({ interface: USERS })).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('pickerToken', () => {
  it('is the same for all forms of a query, and another for another query', () => {
    const forms = [USERS, { interface: USERS }, `consumer://0.0.0.0/${USERS}`, `consumer://10.0.0.1/${USERS}`];
    expect(new Set(forms.map(pickerToken)).size).toBe(1);
    expect(pickerToken({ interface: USERS, group: 'a', version: '1' })).toBe(
      pickerToken(`consumer://h/${USERS}?version=1&group=a`),
    );
    expect(pickerToken({ interface: USERS, version: '1' })).not.toBe(pickerToken(USERS));
  });

  it('refuses what is no query', () => {
    expect(() => InjectPicker('')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
    expect(() => RegistryModule.forFeature(['http://'])).toThrow(
      expect.objectContaining({ code: 'INVALID_URL' }) as Error,
    );
  });
});

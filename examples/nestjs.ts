// Two applications of NestJS that find each other: one announces users, the other calls them by name.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { RegistryPicker } from 'rx-registry';
import { InjectPicker, RegistryModule } from 'rx-registry/nestjs';

const registry = process.argv[2] ?? 'memory://nestjs';

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
      registry,
      announce: (address) => `http://127.0.0.1:${address?.port}/com.acme.Users`,
      drain: { propagationMs: 200 },
    }),
  ],
  controllers: [UsersController],
})
class UsersModule {}

@Controller('orders')
class OrdersController {
  readonly #users: RegistryPicker;

  constructor(@InjectPicker('com.acme.Users') users: RegistryPicker) {
    this.#users = users;
  }

  @Get()
  orders(): Promise<unknown> {
    return this.#users.run(async ({ address }, { signal }) =>
      (await fetch(`http://${address}/users`, { signal })).json(),
    );
  }
}

@Module({
  imports: [RegistryModule.forRoot({ registry }), RegistryModule.forFeature(['com.acme.Users'])],
  controllers: [OrdersController],
})
class OrdersModule {}

const users = await NestFactory.create(UsersModule, { logger: ['error', 'warn'] });
const orders = await NestFactory.create(OrdersModule, { logger: ['error', 'warn'] });
for (const application of [users, orders]) {
  // On SIGTERM and SIGINT: withdraw, let consumers learn of it, finish what is in flight, close.
  application.enableShutdownHooks();
  await application.listen(0, '127.0.0.1');
}

const response = await fetch(`${await orders.getUrl()}/orders`);
console.log(`orders asked users: ${JSON.stringify(await response.json())}`);
await users.close();
await orders.close();

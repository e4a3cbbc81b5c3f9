import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type { AddressInfo, Server } from 'node:net';
import { InvalidOptionError } from '../errors.js';
import type { Registry } from '../registry.js';
import { drained } from '../shutdown/index.js';
import { Announcement } from './announcement.js';
import type { RegistryModuleOptions } from './moduleOptions.js';

/** What Nest calls when the application starts and stops. */
export class RegistryLifecycle implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  announcements: readonly Announcement[] = [];
  readonly #registry: Registry;
  readonly #options: RegistryModuleOptions;
  readonly #host: HttpAdapterHost | undefined;
  readonly #logger = new Logger('RegistryModule');
  #isStopping = false;

  constructor(registry: Registry, options: RegistryModuleOptions, host: HttpAdapterHost | undefined) {
    this.#registry = registry;
    this.#options = options;
    this.#host = host;
  }

  onApplicationBootstrap(): void {
    const { announce, announceAt = 'listen' } = this.#options;
    if (!announce) return;
    if (announceAt === 'bootstrap') return this.#announce(undefined);
    if (announceAt !== 'listen') throw new InvalidOptionError('announceAt', '"listen" or "bootstrap"', announceAt);
    const host = this.#host;
    if (!host?.httpAdapter) {
      throw new InvalidOptionError('announceAt', '"bootstrap" in an application without an HTTP server', announceAt);
    }
    host.listen$.subscribe(() => {
      const address = (host.httpAdapter.getHttpServer() as Server).address();
      this.#announce(typeof address === 'string' || address === null ? undefined : address);
    });
  }

  /** Before Nest closes the server, which serves until consumers know. */
  async onModuleDestroy(): Promise<void> {
    this.#isStopping = true;
    if (this.announcements.length === 0) return;
    const { cutOff } = await drained({ ...this.#options.drain, provisions: this.announcements });
    for (const { step, cause } of cutOff) this.#logger.warn(`${step}: ${String(cause)}`);
  }

  /** After that: what is in flight may still need its pickers. */
  async onApplicationShutdown(): Promise<void> {
    await this.#registry.close();
  }

  #announce(address: AddressInfo | undefined): void {
    if (this.#isStopping) return;
    const urls = [this.#options.announce!(address)].flat();
    this.announcements = urls.map(
      (url) => new Announcement(this.#registry, url, (error) => this.#logger.error(`Not announced: ${String(error)}`)),
    );
  }
}

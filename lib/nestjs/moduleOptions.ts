import type { FactoryProvider, ModuleMetadata } from '@nestjs/common';
import type { AddressInfo } from 'node:net';
import type { ServiceUrl } from '../dubbo/index.js';
import type { Backend } from '../port/index.js';
import type { Registry, RegistryOptions } from '../registry.js';
import type { DrainOptions } from '../shutdown/index.js';

/** What to announce: one service URL, or several. */
export type Announced = string | ServiceUrl | readonly (string | ServiceUrl)[];

/** How {@link RegistryModule.forRoot} makes a registry, and what it announces. */
export interface RegistryModuleOptions {
  /** The address of a registry, a backend, or a registry that is made already. The module closes it on shutdown. */
  readonly registry: string | Backend | Registry;
  /** How the registry behaves, where the module makes it. */
  readonly options?: RegistryOptions | undefined;
  /**
   * The services of this application. The host `0.0.0.0` stands for the address of this machine.
   *
   * They are announced once the application listens, and withdrawn when it begins to shut down, before it stops listening.
   *
   * @param address - Where the HTTP server listens; `undefined` with `announceAt: 'bootstrap'` and without such a server.
   * @defaultValue nothing is announced
   */
  readonly announce?: ((address: AddressInfo | undefined) => Announced) | undefined;
  /** When to announce: `bootstrap` is for applications without an HTTP server. @defaultValue `listen` */
  readonly announceAt?: 'listen' | 'bootstrap' | undefined;
  /** How long the withdrawal may take, and how long consumers take to learn of it. @defaultValue those of `drain` */
  readonly drain?: Pick<DrainOptions, 'deadlineMs' | 'releaseMs' | 'propagationMs'> | undefined;
}

/** How {@link RegistryModule.forRootAsync} gets its options from what else is in the application. */
export interface RegistryModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  /** What `useFactory` is called with. @defaultValue nothing */
  readonly inject?: readonly InjectionToken[] | undefined;
  /** Makes the options. */
  readonly useFactory: (...dependencies: never[]) => RegistryModuleOptions | Promise<RegistryModuleOptions>;
}

type InjectionToken = NonNullable<FactoryProvider['inject']>[number];

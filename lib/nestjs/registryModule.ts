import { type DynamicModule, type FactoryProvider, Module, type Provider } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { createRegistry } from '../createRegistry.js';
import { type ServiceQuery, ServiceUrl } from '../dubbo/index.js';
import { optionsObject } from '../internal/options.js';
import type { Registry } from '../registry.js';
import type { RegistryPickerOptions } from '../registryPicker.js';
import type { RegistryModuleAsyncOptions, RegistryModuleOptions } from './moduleOptions.js';
import { RegistryHealth } from './registryHealth.js';
import { RegistryLifecycle } from './registryLifecycle.js';
import { MODULE_OPTIONS, pickerToken, REGISTRY } from './tokens.js';

/** A query, and how the picker of it chooses. */
export interface PickerFeature {
  /** Who may be called: the name of an interface, or a query in any of its forms. */
  readonly query: string | ServiceUrl | ServiceQuery;
  /** How to choose, and what the sets go through before. */
  readonly options?: RegistryPickerOptions | undefined;
}

/**
 * A registry as a module of NestJS 11 or newer.
 *
 * `forRoot` belongs into the module of the application: it makes the registry for all modules, announces the services of the
 * application once it listens, and on shutdown withdraws them, waits until consumers know, and closes the registry at last. Nest
 * tells it of signals only after `app.enableShutdownHooks()`. `forFeature` makes pickers.
 *
 * @example
 * ```ts
 * \@Module({
 *   imports: [
 *     RegistryModule.forRoot({
 *       registry: 'zookeeper://127.0.0.1:2181',
 *       announce: (address) => `http://0.0.0.0:${address?.port}/com.acme.Orders?version=1.0.0`,
 *     }),
 *     RegistryModule.forFeature(['com.acme.Users']),
 *   ],
 * })
 * class AppModule {}
 * ```
 */
export class RegistryModule {
  /**
   * The registry of the application.
   *
   * @throws InvalidUrlError or InvalidOptionError when the application starts, for what cannot be.
   */
  static forRoot(options: RegistryModuleOptions): DynamicModule {
    return moduleWith({ provide: MODULE_OPTIONS, useValue: options });
  }

  /** The same, with options that depend on what else is in the application, such as its configuration. */
  static forRootAsync({ imports, inject = [], useFactory }: RegistryModuleAsyncOptions): DynamicModule {
    return moduleWith(
      { provide: MODULE_OPTIONS, useFactory: useFactory as FactoryProvider['useFactory'], inject: [...inject] },
      imports,
    );
  }

  /**
   * Pickers, for `@InjectPicker` with the same query. Each follows the registry from the start of the application until it is closed.
   *
   * @throws InvalidUrlError or InvalidOptionError for what is no query.
   */
  static forFeature(features: readonly (string | ServiceUrl | ServiceQuery | PickerFeature)[]): DynamicModule {
    const providers = features.map((feature): FactoryProvider => {
      const { query, options } = isFeature(feature) ? feature : { query: feature, options: {} };
      return {
        provide: pickerToken(query),
        useFactory: (registry: Registry) =>
          registry.picker(typeof query === 'string' && !query.includes('/') ? { interface: query } : query, options),
        inject: [REGISTRY],
      };
    });
    return { module: RegistryModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}

Module({})(RegistryModule);

function isFeature(feature: string | ServiceUrl | ServiceQuery | PickerFeature): feature is PickerFeature {
  return typeof feature === 'object' && 'query' in feature && !(feature instanceof ServiceUrl);
}

function moduleWith(options: Provider, imports: DynamicModule['imports'] = []): DynamicModule {
  return {
    module: RegistryModule,
    global: true,
    imports,
    providers: [
      options,
      { provide: REGISTRY, useFactory: registryOf, inject: [MODULE_OPTIONS] },
      {
        provide: RegistryLifecycle,
        useFactory: (registry: Registry, given: RegistryModuleOptions, host?: HttpAdapterHost) =>
          new RegistryLifecycle(registry, given, host),
        inject: [REGISTRY, MODULE_OPTIONS, { token: HttpAdapterHost, optional: true }],
      },
      {
        provide: RegistryHealth,
        useFactory: (registry: Registry, lifecycle: RegistryLifecycle) => new RegistryHealth(registry, lifecycle),
        inject: [REGISTRY, RegistryLifecycle],
      },
    ],
    exports: [REGISTRY, RegistryHealth],
  };
}

function registryOf(given: RegistryModuleOptions): Registry {
  const { registry, options } = optionsObject(given);
  return isRegistry(registry) ? registry : createRegistry(registry, options);
}

function isRegistry(target: RegistryModuleOptions['registry']): target is Registry {
  return typeof target === 'object' && 'instances' in target;
}

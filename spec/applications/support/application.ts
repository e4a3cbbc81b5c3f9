import type { Observable } from 'rxjs';
import { readInstance } from '../../../lib/applications/formats/instance.js';
import { readMetadata } from '../../../lib/applications/formats/metadataInfo.js';
import { ServiceUrl } from '../../../lib/dubbo/index.js';
import type { RegistrationState } from '../../../lib/index.js';
import type { World } from '../../support/virtual/index.js';

export const APPLICATION = 'shop';
export const GREETER = 'com.acme.Greeter';
export const INSTANCE = '/services/shop/10.0.0.5:50051';
export const MAPPING = `/dubbo/mapping/${GREETER}`;

/** A provider that belongs to an application. */
export function greeter(
  parameters: Readonly<Record<string, string>> = {},
  changes: { port?: number; path?: string } = {},
) {
  return ServiceUrl.from({
    protocol: 'tri',
    host: '10.0.0.5',
    port: changes.port ?? 50051,
    path: changes.path ?? GREETER,
    parameters: { application: APPLICATION, pid: '1', release: 'spec', timestamp: '1700000000000', ...parameters },
  });
}

/** What a registration told. */
export class Told {
  readonly states: RegistrationState[] = [];
  error: unknown;
  readonly #subscription;

  constructor(registration: Observable<RegistrationState>) {
    this.#subscription = registration.subscribe({
      next: (state) => this.states.push(state),
      error: (error: unknown) => void (this.error = error),
    });
  }

  get statuses(): string[] {
    return this.states.map((state) => ('levels' in state ? `registered ${state.levels.join('+')}` : state.status));
  }

  get last(): string | undefined {
    return this.statuses.at(-1);
  }

  unsubscribe(): void {
    this.#subscription.unsubscribe();
  }
}

/** The content of a node as text. */
export function contentOf(world: World, path: string): string | undefined {
  const node = world.server.read(path);
  return node && new TextDecoder().decode(node.data);
}

/** The revision that an instance names. */
export function revisionAt(world: World, path = INSTANCE): string | undefined {
  const node = world.server.read(path);
  return node && readInstance(APPLICATION, node.data).revision;
}

/** What the metadata of an instance says: the weight of each service. */
export function weightsAt(world: World, path = INSTANCE): Record<string, string | undefined> | undefined {
  const revision = revisionAt(world, path);
  const node = revision === undefined ? undefined : world.server.read(`/dubbo/metadata/${APPLICATION}/${revision}`);
  if (!node) return undefined;
  return Object.fromEntries(readMetadata(node.data, fail).map(({ name, params }) => [name, params.get('weight')]));
}

function fail(error: Error): never {
  throw error;
}

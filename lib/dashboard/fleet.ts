import type { ServiceEvent } from '../instances/index.js';
import { changedParameters, type InstanceView, viewOf } from '../overview/index.js';
import type { ConnectionEntry, LogEntry, Message, ServiceRow, WarningEntry } from './messages.js';

/** Something that the registry told. */
export type FleetInput =
  | { readonly kind: 'connection'; readonly entry: ConnectionEntry }
  | { readonly kind: 'warning'; readonly entry: WarningEntry }
  | { readonly kind: 'event'; readonly at: number; readonly event: ServiceEvent }
  /** The events so far told who was there, those from now on tell changes. */
  | { readonly kind: 'synced' };

/** How much of the past is kept. */
const MOST_STATES = 200;
const MOST_LOGGED = 300;
const MOST_WARNINGS = 100;
const MOST_SIZES = 60;

/** What changed in a fleet. */
export interface FleetChanges {
  readonly connection: readonly ConnectionEntry[];
  readonly warnings: readonly WarningEntry[];
  readonly log: readonly LogEntry[];
  readonly services: ReadonlySet<string>;
  /** The instances of each service that changed; `undefined` for those that have gone. */
  readonly instances: ReadonlyMap<string, ReadonlyMap<string, InstanceView | undefined>>;
}

interface Service {
  readonly instances: Map<string, InstanceView>;
  changes: number;
  readonly sizes: number[];
}

/** Who is there and what has happened, as events add up. */
export class Fleet {
  readonly #connection: ConnectionEntry[] = [];
  readonly #warnings: WarningEntry[] = [];
  readonly #log: LogEntry[] = [];
  readonly #services = new Map<string, Service>();
  #isSynced = false;

  /** Takes in what the registry told, and says what that changed. */
  apply(inputs: readonly FleetInput[]): FleetChanges {
    const changes = {
      connection: [] as ConnectionEntry[],
      warnings: [] as WarningEntry[],
      log: [] as LogEntry[],
      services: new Set<string>(),
      instances: new Map<string, Map<string, InstanceView | undefined>>(),
    };
    for (const input of inputs) {
      if (input.kind === 'connection') changes.connection.push(input.entry);
      else if (input.kind === 'warning') changes.warnings.push(input.entry);
      else if (input.kind === 'synced') this.#isSynced = true;
      else {
        const { service, key, view } = this.#take(input.event);
        changes.services.add(service);
        const ofService = changes.instances.get(service) ?? new Map<string, InstanceView | undefined>();
        changes.instances.set(service, ofService.set(key, view));
        if (this.#isSynced) changes.log.push(entryOf(input.at, input.event));
      }
    }
    keep(this.#connection, changes.connection, MOST_STATES);
    keep(this.#warnings, changes.warnings, MOST_WARNINGS);
    keep(this.#log, changes.log, MOST_LOGGED);
    for (const name of changes.services) {
      const service = this.#services.get(name);
      if (!service) continue;
      const size = providersOf(service);
      if (size !== service.sizes.at(-1)) keep(service.sizes, [size], MOST_SIZES);
      if (service.instances.size === 0) this.#services.delete(name);
    }
    return changes;
  }

  /** Everything that there is, for somebody who begins to look at all services or at one. */
  snapshot(now: number, title: string, service: string | undefined): Message {
    return {
      now,
      all: true,
      title,
      connection: [...this.#connection],
      services: [...this.#services.keys()].map((name) => this.#row(name)!),
      instances: [...(this.#services.get(service ?? '')?.instances.values() ?? [])],
      log: [...this.#log],
      warnings: [...this.#warnings],
    };
  }

  /** What has changed, for somebody who looks at all services or at one; `undefined` for nothing. */
  messageOf(changes: FleetChanges, now: number, service: string | undefined): Message | undefined {
    const names = [...changes.services];
    const rows = names.map((name) => this.#row(name)).filter((row) => row !== undefined);
    const instances = [...(changes.instances.get(service ?? '') ?? [])];
    const parts = {
      connection: changes.connection,
      services: rows,
      servicesGone: names.filter((name) => !this.#services.has(name)),
      instances: instances.flatMap(([, view]) => view ?? []),
      instancesGone: instances.flatMap(([key, view]) => (view ? [] : [key])),
      log: changes.log,
      warnings: changes.warnings,
    };
    const told = Object.entries(parts).filter(([, list]) => list.length > 0);
    return told.length === 0 ? undefined : { now, ...Object.fromEntries(told) };
  }

  #take(event: ServiceEvent): { service: string; key: string; view: InstanceView | undefined } {
    const service = event.service.interface;
    const state = this.#services.get(service) ?? { instances: new Map<string, InstanceView>(), changes: 0, sizes: [] };
    this.#services.set(service, state);
    if (this.#isSynced) state.changes += 1;
    const view = event.type === 'delete' ? undefined : viewOf(event.service);
    if (view) state.instances.set(event.key, view);
    else state.instances.delete(event.key);
    return { service, key: event.key, view };
  }

  #row(name: string): ServiceRow | undefined {
    const service = this.#services.get(name);
    if (!service) return undefined;
    const all = [...service.instances.values()];
    const providers = all.filter(({ category }) => category === 'providers');
    const consumers = all.filter(({ category }) => category === 'consumers');
    const zones: Record<string, number> = Object.create(null) as Record<string, number>;
    for (const { zone = '' } of providers) zones[zone] = (zones[zone] ?? 0) + 1;
    return {
      service: name,
      providers: providers.length,
      consumers: consumers.length,
      groups: sorted(providers.map(({ group = '' }) => group)),
      versions: sorted(providers.map(({ version = '' }) => version)),
      applications: sorted(providers.flatMap(({ application }) => application ?? [])),
      consumedBy: sorted(consumers.flatMap(({ application }) => application ?? [])),
      zones,
      changes: service.changes,
      sizes: [...service.sizes],
    };
  }
}

function entryOf(at: number, event: ServiceEvent): LogEntry {
  const { service, category, address, application } = viewOf(event.service);
  return {
    at,
    type: event.type,
    service,
    category,
    address,
    ...(application && { application }),
    ...(event.type === 'update' && { changes: changedParameters(event.previous, event.service) }),
  };
}

function providersOf({ instances }: Service): number {
  let count = 0;
  for (const { category } of instances.values()) if (category === 'providers') count += 1;
  return count;
}

function keep<T>(list: T[], added: readonly T[], most: number): void {
  list.push(...added.slice(-most));
  if (list.length > most) list.splice(0, list.length - most);
}

function sorted(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

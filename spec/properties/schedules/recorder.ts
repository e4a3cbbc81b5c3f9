import { type Observable, Subscription, tap } from 'rxjs';
import type { MemoryServer } from '../../../lib/backends/memory/index.js';
import type { InstanceSet, ServiceEvent } from '../../../lib/instances/index.js';
import { toQuery, type ServiceQuery, type ServiceUrl } from '../../../lib/dubbo/index.js';
import { DuplicateRegistrationError } from '../../../lib/errors.js';
import type { Registry } from '../../../lib/registry.js';
import type { HistoryEvent } from '../../support/invariants/index.js';
import { instanceAt, instanceOf, isServiceNode, seesOf } from '../../support/invariants/layout.js';
import type { VirtualTime } from '../../support/virtual/index.js';
import { pathOf } from '../../support/virtual/index.js';

type Unstamped = HistoryEvent extends infer Event ? (Event extends HistoryEvent ? Omit<Event, 'atMs'> : never) : never;

/** Writes down what happens at a memory server and to its clients. */
export class Recorder {
  readonly history: HistoryEvent[] = [];
  readonly #time: VirtualTime;
  readonly #names = new Map<object, string>();
  /** The sessions that are over, and how many nodes each of them still has. */
  readonly #lingering = new Map<string, { readonly client: string; readonly paths: Set<string> }>();
  readonly #owned = new Map<string, Set<string>>();
  readonly #owners = new Map<string, string>();
  readonly #clientOf = new Map<string, string>();
  readonly #closing = new Set<string>();
  #count = 0;

  constructor(server: MemoryServer, time: VirtualTime) {
    this.#time = time;
    server.events.subscribe((event) => {
      switch (event.type) {
        case 'changed': {
          const by = typeof event.by === 'string' ? event.by : this.#nameOf(event.by);
          // What came stands before what went.
          const nodes = [...event.changes.nodes]
            .filter(isServiceNode)
            .map((path) => ({ path, node: server.read(path) }));
          for (const { path, node } of nodes) if (node) this.#node(path, true, node.owner, by);
          for (const { path, node } of nodes) if (!node) this.#node(path, false, undefined, by);
          return;
        }
        case 'attempt':
          return this.add({ kind: 'attempt', client: this.#nameOf(event.client) });
        case 'began':
          this.#clientOf.set(event.session, this.#nameOf(event.client));
          return this.add({
            kind: 'session',
            client: this.#nameOf(event.client),
            session: event.session,
            change: 'began',
          });
        case 'ended': {
          const { session, nodes, watches } = event;
          // One that a backup brought back is nobody's to the server.
          const client = this.#clientOf.get(session) ?? 'nobody';
          const by = typeof event.by === 'string' ? event.by : this.#nameOf(event.by);
          this.add({ kind: 'session', client, session, change: 'ended', by, nodes, watches });
          return this.#linger(client, session);
        }
        case 'answerLost':
        case 'notificationLost':
          return this.add({ kind: 'fault', phase: 'moment', client: this.#nameOf(event.client), fault: event.type });
        case 'broke':
          return;
      }
    });
  }

  add(event: Unstamped): void {
    if (event.kind === 'close') this.#closing.add(event.client);
    this.history.push({ atMs: this.#time.now, ...event });
  }

  /** Names a client and writes down its states and warnings. */
  client(name: string, backend: object, registry: Registry): void {
    this.#names.set(backend, name);
    registry.warnings.subscribe(({ code, path }) => this.add({ kind: 'warning', client: name, code, path }));
    registry.states.subscribe({
      next: (state) =>
        this.add({
          kind: 'state',
          client: name,
          status: state.status,
          session: 'session' in state ? state.session.id : undefined,
        }),
      error: (error: unknown) => this.add({ kind: 'ended', client: name, stream: 'states', error: String(error) }),
    });
  }

  /** Writes down what becomes of a registration; `urls` says what it wants. */
  registration(client: string, registry: Registry, urls: Observable<ServiceUrl | undefined>): RecordedRegistration {
    const name = `${client}.p${(this.#count += 1)}`;
    const want = (url: ServiceUrl | undefined): void =>
      this.add({
        kind: 'want',
        client,
        registration: name,
        path: url && pathOf(url),
        ...(url && { key: instanceOf(url).key, persistent: url.parameter('dynamic') === 'false' }),
      });
    const record: RecordedRegistration = { name, isOver: false, subscription: new Subscription() };
    const end = (error?: unknown): void => {
      if (record.isOver) return;
      record.isOver = true;
      want(undefined);
      // Two registrations of one registry may not want one key; anything else must never end one.
      const expected = error instanceof DuplicateRegistrationError;
      this.add({ kind: 'ended', client, stream: name, error: String(error), expected });
    };
    record.subscription.add(() => {
      if (record.isOver) return;
      record.isOver = true;
      want(undefined);
    });
    record.subscription.add(
      registry.register(urls.pipe(tap((url) => want(url)))).subscribe({
        next: ({ status }) => this.add({ kind: 'registration', client, registration: name, status }),
        error: end,
        complete: () => !this.#closing.has(client) && end('it completed'),
      }),
    );
    return record;
  }

  /** Writes down what a consumer is told; `react` runs in its handler of events. */
  consumer(
    client: string,
    registry: Registry,
    query: ServiceQuery,
    react: (self: RecordedConsumer) => void,
  ): RecordedConsumer {
    const name = `${client}.c${(this.#count += 1)}`;
    const url = toQuery(query);
    const sees = seesOf(url);
    const of = { kind: 'consumer', client, consumer: name, query: describeQuery(query), sees } as const;
    const subscription = new Subscription();
    const record: RecordedConsumer = { name, query, subscription, isOver: () => subscription.closed };
    this.add({ ...of, change: 'subscribed' });
    subscription.add(() => {
      if (!this.#closing.has(client)) this.add({ ...of, change: 'unsubscribed' });
    });
    const end = (error?: Error): void => {
      if (this.#closing.has(client)) return;
      this.add({ kind: 'ended', client, stream: name, ...(error && { error: String(error) }) });
    };
    // In this order: at each set, the events that belong to it have been told.
    subscription.add(
      registry.subscribe(query).subscribe({
        next: (event) => {
          this.add({ kind: 'told', consumer: name, ...toldOf(event) });
          react(record);
        },
        error: end,
        complete: end,
      }),
    );
    if (!subscription.closed) {
      subscription.add(
        registry.instances(query).subscribe({ next: (set) => this.#set(name, set), error: () => undefined }),
      );
    }
    return record;
  }

  #set(consumer: string, set: InstanceSet): void {
    const instances = new Map([...set.entries()].map(([key, service]) => [key, saysOf(service)]));
    this.add({ kind: 'set', consumer, instances });
  }

  #node(path: string, present: boolean, owner: string | undefined, by: string): void {
    const before = this.#owners.get(path);
    if (before !== undefined) this.#owned.get(before)?.delete(path);
    this.#owners.delete(path);
    if (owner !== undefined) {
      this.#owners.set(path, owner);
      this.#owned.set(owner, (this.#owned.get(owner) ?? new Set()).add(path));
    }
    this.add({ kind: 'node', path, present, owner, instance: instanceAt(path), by });
    for (const [session, { client, paths }] of this.#lingering) {
      if (paths.size > 0) continue;
      this.#lingering.delete(session);
      this.add({ kind: 'fault', phase: 'end', client, fault: `cleanup of ${session}`, stops: 'cleanup' });
    }
  }

  #linger(client: string, session: string): void {
    const paths = this.#owned.get(session);
    if (!paths?.size) return;
    this.#lingering.set(session, { client, paths });
    this.add({ kind: 'fault', phase: 'begin', client, fault: `cleanup of ${session}`, stops: 'cleanup' });
  }

  #nameOf(client: object): string {
    return this.#names.get(client) ?? 'nobody';
  }
}

/** A registration, and whether it is over. */
export interface RecordedRegistration {
  readonly name: string;
  isOver: boolean;
  readonly subscription: Subscription;
}

/** A consumer, and how it leaves. */
export interface RecordedConsumer {
  readonly name: string;
  readonly query: ServiceQuery;
  readonly subscription: Subscription;
  readonly isOver: () => boolean;
}

const said = new WeakMap<ServiceUrl, string>();

function saysOf(service: ServiceUrl): string {
  const before = said.get(service);
  if (before !== undefined) return before;
  const { says } = instanceOf(service);
  said.set(service, says);
  return says;
}

function toldOf(event: ServiceEvent): { type: ServiceEvent['type']; key: string; says: string; previous?: string } {
  const { type, key, service } = event;
  return { type, key, says: saysOf(service), ...(type === 'update' && { previous: saysOf(event.previous) }) };
}

function describeQuery({ interface: name, category }: ServiceQuery): string {
  return category === undefined ? name : `${name} ${category}`;
}
